/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "questions/reach.h"

#include <stdlib.h>
#include <string.h>
#include "model/model_private.h"

/* A stretch of addresses of one class, in host order; IPv4 in the lower word. */
struct stretch {
	unsigned __int128 first, last;
	uint32_t class;
};

static unsigned __int128 number_of(const struct address *address)
{
	unsigned __int128 number = 0;

	for (int i = 0; i < (address->family == 4 ? 4 : 16); i++)
		number = number << 8 | address->bytes[i];
	return number;
}

static struct address address_of(unsigned __int128 number, uint8_t family)
{
	struct address address = {.family = family};

	for (int i = family == 4 ? 3 : 15; i >= 0; i--, number >>= 8)
		address.bytes[i] = (uint8_t)number;
	return address;
}

static struct stretch stretch_of(const struct plan *plan, uint8_t family, size_t index)
{
	struct stretch stretch;

	if (family == 4) {
		stretch.first = plan->bounds4[index].start;
		stretch.last = index + 1 < plan->bound4_count ? plan->bounds4[index + 1].start - 1
							      : UINT32_MAX;
		stretch.class = plan->bounds4[index].class;
		return stretch;
	}
	stretch.first =
	    (unsigned __int128)plan->bounds6[index].high << 64 | plan->bounds6[index].low;
	stretch.last = ~(unsigned __int128)0;
	if (index + 1 < plan->bound6_count)
		stretch.last = ((unsigned __int128)plan->bounds6[index + 1].high << 64 |
				plan->bounds6[index + 1].low) -
			       1;
	stretch.class = plan->bounds6[index].class;
	return stretch;
}

static void add_party(struct parties *parties, const struct plan *plan, const struct pod *pod,
		      const struct address *address)
{
	struct party party = {.pod = pod, .address = *address, .subject = -1};
	char text[ADDRESS_TEXT];

	party.text = pod && !pod->host_network ? xprintf("%s/%s", pod->namespace, pod->name)
					       : xstrdup(address_text(address, text));
	if (pod && !pod->host_network)
		party.subject = plan_subject_find(plan, party.text);
	GROW(parties->item, parties->count, parties->capacity);
	parties->item[parties->count++] = party;
}

static void add_pods(struct parties *parties, const struct model *model, const struct plan *plan,
		     const struct peer *peer, uint8_t family)
{
	for (size_t i = 0; i < model->pods.count; i++) {
		const struct pod *pod = model->pods.item[i];

		for (size_t j = 0; !pod->host_network && j < pod->address_count; j++) {
			struct party party = {.pod = pod, .address = pod->addresses[j]};

			if (party.address.family == family && peer_means(model, peer, &party))
				add_party(parties, plan, pod, &pod->addresses[j]);
		}
	}
}

/* An address of the stretch that the peer means; false when there is none. */
static bool find_inside(const struct model *model, const struct peer *peer,
			const struct stretch *stretch, uint8_t family, struct party *party)
{
	unsigned __int128 candidate = stretch->first;

	for (size_t i = 0; i <= peer->prefix_count + peer->except_count; i++) {
		if (i > 0) {
			const struct prefix *prefix =
			    i <= peer->prefix_count ? &peer->prefixes[i - 1]
						    : &peer->excepts[i - 1 - peer->prefix_count];
			unsigned int free_bits =
			    (family == 4 ? 32u : 128u) - (unsigned int)prefix->length;

			candidate = number_of(&prefix->address);
			if (i > peer->prefix_count) /* behind an exception */
				candidate += (unsigned __int128)1 << free_bits % 128;
			if (prefix->address.family != family)
				continue;
		}
		if (candidate < stretch->first || candidate > stretch->last)
			continue;
		party->address = address_of(candidate, family);
		if (peer_means(model, peer, party))
			return true;
	}
	return false;
}

/* One address for each class is enough: within a class all are judged alike. */
static void add_outside(struct parties *parties, const struct model *model, const struct plan *plan,
			const struct peer *peer, uint8_t family)
{
	size_t count = family == 4 ? plan->bound4_count : plan->bound6_count;
	bool *done = xalloc(plan->class_count);

	for (size_t i = 0; i < model->pods.count; i++)
		for (size_t j = 0; j < model->pods.item[i]->address_count; j++)
			if (!model->pods.item[i]->host_network)
				done[plan_class_of(plan, &model->pods.item[i]->addresses[j])] =
				    true;
	for (size_t i = 0; i < count; i++) {
		struct stretch stretch = stretch_of(plan, family, i);
		struct party party = {.subject = -1};

		if (done[stretch.class] || !find_inside(model, peer, &stretch, family, &party))
			continue;
		done[stretch.class] = true;
		add_party(parties, plan, NULL, &party.address);
	}
	free(done);
}

void parties_find(struct parties *parties, const struct model *model, const struct plan *plan,
		  const struct peer *peer, uint8_t family)
{
	add_pods(parties, model, plan, peer, family);
	if (peer->kind != PEER_PODS)
		add_outside(parties, model, plan, peer, family);
}

void parties_release(struct parties *parties)
{
	for (size_t i = 0; i < parties->count; i++)
		free(parties->item[i].text);
	free(parties->item);
	*parties = (struct parties){0};
}

static bool is_itself(const struct plan *plan, int subject, const struct address *address)
{
	const struct plan_subject *self = &plan->subjects[subject];

	for (size_t i = 0; i < ARRAY_SIZE(self->address); i++)
		if (self->address[i].family && address_compare(&self->address[i], address) == 0)
			return true;
	return false;
}

static const struct plan_table *table_for(const struct plan *plan, int subject,
					  enum direction direction, const struct address *peer,
					  uint32_t *rule)
{
	*rule = NO_RULE;
	if (subject < 0)
		return NULL;
	if (is_itself(plan, subject, peer)) {
		*rule = direction == INGRESS ? PLAN_RULE_SELF_INGRESS : PLAN_RULE_SELF_EGRESS;
		return NULL;
	}
	return &plan->tables[plan_table_of(plan, (uint32_t)subject, direction,
					   plan_class_of(plan, peer))];
}

void path_find(struct path *path, const struct plan *plan, const struct party *from,
	       const struct party *to)
{
	path->plan = plan;
	path->egress = table_for(plan, from->subject, EGRESS, &to->address, &path->egress_rule);
	path->ingress = table_for(plan, to->subject, INGRESS, &from->address, &path->ingress_rule);
}

bool path_judge(const struct path *path, uint32_t key, uint32_t *egress, uint32_t *ingress)
{
	const struct plan_rule *rules = path->plan->rules;

	*egress = path->egress ? plan_table_rule(path->plan, path->egress, key) : path->egress_rule;
	*ingress =
	    path->ingress ? plan_table_rule(path->plan, path->ingress, key) : path->ingress_rule;
	return (*egress == NO_RULE || rules[*egress].allow) &&
	       (*ingress == NO_RULE || rules[*ingress].allow);
}

static uint32_t next_start(const struct plan_table *table, uint32_t key)
{
	uint32_t low = 0, high = table ? table->count : 0;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (table->ranges[middle].start > key)
			high = middle;
		else
			low = middle + 1;
	}
	return table && low < table->count ? table->ranges[low].start : PORT_KEY_LAST + 1;
}

uint32_t path_next(const struct path *path, uint32_t key)
{
	uint32_t egress = next_start(path->egress, key), ingress = next_start(path->ingress, key);

	return egress < ingress ? egress : ingress;
}

/* Differences */

struct diff {
	const struct model *old_model, *new_model;
	const struct plan *old_plan, *new_plan;
	json_t *rows;
};

/* A party on both sides of the change. */
struct twin {
	struct party old, new;
	char *text;
};

struct twins {
	struct twin *item;
	size_t count, capacity;
};

static void add_twin(struct twins *twins, const struct party *old, const struct party *new,
		     char *text)
{
	GROW(twins->item, twins->count, twins->capacity);
	twins->item[twins->count++] = (struct twin){*old, *new, text};
}

static const struct address *family_address(const struct pod *pod, uint8_t family)
{
	for (size_t i = 0; i < pod->address_count; i++)
		if (pod->addresses[i].family == family)
			return &pod->addresses[i];
	return NULL;
}

static void twin_pods(struct twins *twins, const struct diff *diff, uint8_t family)
{
	for (size_t i = 0; i < diff->old_model->pods.count; i++) {
		const struct pod *pod = diff->old_model->pods.item[i], *other;
		const struct address *old_address = family_address(pod, family), *new_address;
		char *name = xprintf("%s/%s", pod->namespace, pod->name);
		struct party old = {.pod = pod}, new = {0};

		other = model_pod_find(diff->new_model, name);
		new_address = other ? family_address(other, family) : NULL;
		if (!old_address || !new_address) {
			free(name);
			continue;
		}
		new.pod = other;
		old.address = *old_address;
		new.address = *new_address;
		old.subject = plan_subject_find(diff->old_plan, name);
		new.subject = plan_subject_find(diff->new_plan, name);
		add_twin(twins, &old, &new, name);
	}
}

static char *stretch_text(unsigned __int128 first, unsigned __int128 last, uint8_t family)
{
	struct address from = address_of(first, family), to = address_of(last, family);
	char text[2][ADDRESS_TEXT];

	if (first == last)
		return xstrdup(address_text(&from, text[0]));
	return xprintf("%s-%s", address_text(&from, text[0]), address_text(&to, text[1]));
}

/* Stretches between the bounds of both plans; those judged alike on both sides go once. */
static void twin_outside(struct twins *twins, const struct diff *diff, uint8_t family)
{
	size_t counts[2] = {
	    family == 4 ? diff->old_plan->bound4_count : diff->old_plan->bound6_count,
	    family == 4 ? diff->new_plan->bound4_count : diff->new_plan->bound6_count};
	struct lookup done = {0};
	size_t i = 0, j = 0;

	while (i < counts[0] && j < counts[1]) {
		struct stretch old = stretch_of(diff->old_plan, family, i);
		struct stretch new = stretch_of(diff->new_plan, family, j);
		unsigned __int128 first = old.first > new.first ? old.first : new.first;
		unsigned __int128 last = old.last < new.last ? old.last : new.last;
		struct signature key = {old.class, new.class};
		struct party party = {.address = address_of(first, family), .subject = -1};

		if (lookup_get(&done, &key) == LOOKUP_NONE &&
		    !model_pod_at(diff->old_model, &party.address) &&
		    !model_pod_at(diff->new_model, &party.address)) {
			lookup_put(&done, &key, 0);
			add_twin(twins, &party, &party, stretch_text(first, last, family));
		}
		i += old.last == last;
		j += new.last == last;
	}
	lookup_release(&done);
}

static void add_change(const struct diff *diff, const struct twin *from, const struct twin *to,
		       uint32_t first, uint32_t last, bool allowed, const struct path *path)
{
	struct port_item item = {.first = first, .last = last};
	uint32_t egress, ingress, rule;
	bool allow = path_judge(path, first, &egress, &ingress);
	char ports[64];

	rule = egress != NO_RULE && (!path->plan->rules[egress].allow || ingress == NO_RULE)
		   ? egress
		   : ingress;
	json_array_append_new(
	    diff->rows,
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "from", from->text, "to", to->text, "ports",
		      port_item_text(&item, ports, sizeof(ports)), "old",
		      allowed ? "allow" : "deny", "new", allow ? "allow" : "deny", "rule",
		      rule == NO_RULE ? "" : path->plan->rules[rule].name));
}

static void compare(const struct diff *diff, const struct twin *from, const struct twin *to)
{
	struct path old, new;
	uint32_t key = 0, first = 0, unused[2];
	int open = -1; /* the old verdict of a change that goes on */

	path_find(&old, diff->old_plan, &from->old, &to->old);
	path_find(&new, diff->new_plan, &from->new, &to->new);
	while (key <= PORT_KEY_LAST) {
		bool was = path_judge(&old, key, &unused[0], &unused[1]);
		bool is = path_judge(&new, key, &unused[0], &unused[1]);
		uint32_t next_old = path_next(&old, key), next_new = path_next(&new, key);
		int now = was == is ? -1 : was;

		if (open >= 0 && now != open)
			add_change(diff, from, to, first, key - 1, open, &new);
		if (now != open)
			first = key;
		open = now;
		key = next_old < next_new ? next_old : next_new;
	}
	if (open >= 0)
		add_change(diff, from, to, first, PORT_KEY_LAST, open, &new);
}

/* The subject by which the old policy judged whom only the new one names by himself. */
static int subject_before(const struct plan *plan, const char *name)
{
	const char *last = strrchr(name, ':');
	int subject = plan_subject_find(plan, name);
	char *any;

	if (subject >= 0 || strncmp(name, "user:", 5) != 0 || !last)
		return subject;
	any = xprintf("%.*s:any", (int)(last - name), name);
	subject = plan_subject_find(plan, any);
	free(any);
	return subject;
}

/* Users, cgroups and interfaces, each against everybody else: no pod judges these packets. */

static void diff_subject(const struct diff *diff, const char *name, const struct twins *others)
{
	struct twin self = {
	    .old = {.subject = subject_before(diff->old_plan, name)},
	    .new = {.subject = subject_before(diff->new_plan, name)},
	    .text = (char *)name,
	};

	for (size_t i = 0; i < others->count; i++) {
		struct twin other = others->item[i];

		other.old.subject = other.new.subject = -1;
		compare(diff, &self, &other);
		if (strncmp(name, "dev:", 4) == 0)
			compare(diff, &other, &self);
	}
}

static void diff_subjects(const struct diff *diff, const struct twins *others)
{
	const struct plan *plans[] = {diff->new_plan, diff->old_plan};

	for (size_t i = 0; i < ARRAY_SIZE(plans); i++)
		for (size_t j = 0; j < plans[i]->subject_count; j++) {
			const char *name = plans[i]->subjects[j].name;

			if (!strchr(name, '/') ||
			    strcspn(name, ":") < strcspn(name, "/")) /* no pod */
				if (!i || plan_subject_find(diff->new_plan, name) < 0)
					diff_subject(diff, name, others);
		}
}

static void diff_family(const struct diff *diff, uint8_t family)
{
	struct twins twins = {0};
	size_t pods;

	twin_pods(&twins, diff, family);
	pods = twins.count;
	twin_outside(&twins, diff, family);
	for (size_t i = 0; i < twins.count; i++)
		for (size_t j = 0; j < twins.count; j++)
			if (i < pods || j < pods)
				compare(diff, &twins.item[i], &twins.item[j]);
	diff_subjects(diff, &twins);
	for (size_t i = 0; i < twins.count; i++)
		free(twins.item[i].text);
	free(twins.item);
}

json_t *reach_diff(const struct model *old_model, const struct plan *old_plan,
		   const struct model *new_model, const struct plan *new_plan)
{
	struct diff diff = {old_model, new_model, old_plan, new_plan, json_array()};

	diff_family(&diff, 4);
	diff_family(&diff, 6);
	return diff.rows;
}
