/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "questions/matrix.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "model/model_private.h"

#define PROBES_MOST 20000000

static const struct address *address_of(const struct party *party, uint8_t family)
{
	if (party->address.family == family)
		return &party->address;
	for (size_t i = 0; party->pod && i < party->pod->address_count; i++)
		if (party->pod->addresses[i].family == family)
			return &party->pod->addresses[i];
	return NULL;
}

int party_find(const struct model *model, const char *text, struct party *party)
{
	struct address address;

	*party = (struct party){.subject = -1};
	if (address_parse(text, &address) == 0) {
		party->address = address;
		party->pod = model_pod_at(model, &address);
		return 0;
	}
	party->pod = model_pod_find(model, text);
	if (!party->pod)
		return fail("pod \"%s\" does not exist", text);
	if (party->pod->ended)
		return fail("pod \"%s\" has ended", text);
	return 0;
}

/* An address that was written is the one that is meant; else any of the pod's. */
static bool may_use(const struct party *party, uint8_t family)
{
	return party->address.family ? party->address.family == family
				     : address_of(party, family) != NULL;
}

int parties_meet(struct party *from, struct party *to, uint8_t *family, const char *where)
{
	uint8_t found = *family;

	if (!found)
		found = may_use(from, 4) && may_use(to, 4) ? 4 : 6;
	if (!may_use(from, found) || !may_use(to, found)) {
		const struct party *lacks = may_use(from, found) ? to : from;
		char text[ADDRESS_TEXT];

		return fail("%s%s has no IPv%u address", where,
			    lacks->pod ? lacks->pod->name : address_text(&lacks->address, text),
			    found);
	}
	from->address = *address_of(from, found);
	to->address = *address_of(to, found);
	*family = found;
	return 0;
}

static void add_probe(struct matrix *matrix, const struct matrix_probe *probe)
{
	GROW(matrix->probe, matrix->count, matrix->capacity);
	matrix->probe[matrix->count++] = *probe;
}

static int parse_protocol(const json_t *object, const char *where, struct matrix_probe *probe)
{
	const char *text = field_text(object, "protocol", "TCP");
	long port = field_number(object, "port", -1);
	int protocol = protocol_parse(text);

	if (protocol < 0)
		return fail("%sprotocol \"%.20s\" is none of TCP, UDP, SCTP", where, text);
	if (port < 0 || port > 65535)
		return fail("%sport must be a number from 0 to 65535", where);
	probe->protocol = (uint8_t)protocol;
	probe->port = (uint16_t)port;
	return 0;
}

static int parse_verdict(const json_t *object, const char *where, struct matrix_probe *probe)
{
	const char *verdict = field_text(object, "verdict", NULL);

	probe->expected = -1;
	if (!verdict)
		return 0;
	if (strcmp(verdict, "allow") != 0 && strcmp(verdict, "deny") != 0)
		return fail("%sverdict \"%.20s\" is neither allow nor deny", where, verdict);
	probe->expected = strcmp(verdict, "allow") == 0;
	return 0;
}

static int parse_probe(const struct model *model, const json_t *object, const char *where,
		       struct matrix_probe *probe)
{
	const char *from = field_text(object, "from", NULL), *to = field_text(object, "to", NULL);
	long family = field_number(object, "family", 0);

	if (!json_is_object(object) || !from || !to)
		return fail("%sneeds from, to, protocol and port", where);
	if (field_get(object, "family") && family != 4 && family != 6)
		return fail("%sfamily is neither 4 nor 6", where);
	if (party_find(model, from, &probe->from) || party_find(model, to, &probe->to))
		return FAILED;
	probe->family = (uint8_t)family;
	if (parties_meet(&probe->from, &probe->to, &probe->family, where) ||
	    parse_protocol(object, where, probe) || parse_verdict(object, where, probe))
		return FAILED;
	probe->from.text = xstrdup(from);
	probe->to.text = xstrdup(to);
	return 0;
}

bool probes_want_ipv6(const json_t *probes)
{
	size_t index;
	json_t *probe;

	json_array_foreach (probes, index, probe) {
		if (field_number(probe, "family", 0) == 6 ||
		    strchr(field_text(probe, "from", ""), ':') ||
		    strchr(field_text(probe, "to", ""), ':'))
			return true;
	}
	return false;
}

int matrix_parse(struct matrix *matrix, struct model *model, const json_t *probes,
		 const char *where)
{
	size_t index;
	json_t *object;

	if (json_is_object(probes))
		probes = field_get(probes, "probes");
	if (!json_is_array(probes))
		return fail("%s: expected a list of probes", where);
	json_array_foreach (probes, index, object) {
		struct matrix_probe probe = {.live = -1};
		char *place = xprintf("%s: probe %zu: ", where, index);
		int result = parse_probe(model, object, place, &probe);

		free(place);
		if (result)
			return FAILED;
		add_probe(matrix, &probe);
	}
	return 0;
}

static char *pod_text(const struct pod *pod)
{
	return xprintf("%s/%s", pod->namespace, pod->name);
}

static void fill_pair(struct matrix *matrix, const struct pod *from, const struct pod *to)
{
	for (size_t i = 0; i < to->port_count; i++) {
		const struct container_port *port = &to->ports[i];

		if (i && port->protocol == to->ports[i - 1].protocol &&
		    port->port == to->ports[i - 1].port)
			continue; /* the same under two names */
		for (uint8_t family = 4; family <= 6; family = (uint8_t)(family + 2)) {
			struct matrix_probe probe = {
			    .from = {.pod = from, .subject = -1},
			    .to = {.pod = to, .subject = -1},
			    .protocol = port->protocol,
			    .port = port->port,
			    .family = family,
			    .expected = -1,
			    .live = -1,
			};

			if (!may_use(&probe.from, family) || !may_use(&probe.to, family))
				continue;
			probe.from.address = *address_of(&probe.from, family);
			probe.to.address = *address_of(&probe.to, family);
			probe.from.text = pod_text(from);
			probe.to.text = pod_text(to);
			add_probe(matrix, &probe);
		}
	}
}

static const char *const too_many =
    "%zu pods with %zu ports are too many for the whole matrix: say --probes FILE";

int matrix_fill(struct matrix *matrix, struct model *model)
{
	size_t ports = 0;

	for (size_t i = 0; i < model->pods.count; i++)
		ports += model->pods.item[i]->port_count;
	if (ports * model->pods.count > PROBES_MOST)
		return fail(too_many, model->pods.count, ports);
	for (size_t i = 0; i < model->pods.count; i++)
		for (size_t j = 0; j < model->pods.count; j++)
			if (!model->pods.item[i]->ended && !model->pods.item[j]->ended)
				fill_pair(matrix, model->pods.item[i], model->pods.item[j]);
	return 0;
}

/* Where each pod stands among the subjects, by pod's address in memory. */
static void index_subjects(const struct plan *plan, struct lookup *subjects)
{
	for (uint32_t i = 0; i < plan->subject_count; i++) {
		struct signature key = {0};

		sign_text(&key, plan->subjects[i].name);
		lookup_put(subjects, &key, i);
	}
}

static int subject_of(const struct lookup *subjects, const struct pod *pod)
{
	struct signature key = {0};
	char *text;
	uint32_t index;

	if (!pod || pod->host_network)
		return -1;
	text = pod_text(pod);
	sign_text(&key, text);
	free(text);
	index = lookup_get(subjects, &key);
	return index == LOOKUP_NONE ? -1 : (int)index;
}

static void judge(struct matrix_probe *probe, const struct plan *plan)
{
	probe->egress = probe->ingress = NO_RULE;
	if (probe->from.subject >= 0)
		probe->egress = plan_judge(plan, (uint32_t)probe->from.subject, EGRESS,
					   &probe->to.address, probe->protocol, probe->port);
	if (probe->to.subject >= 0)
		probe->ingress = plan_judge(plan, (uint32_t)probe->to.subject, INGRESS,
					    &probe->from.address, probe->protocol, probe->port);
	probe->allow = (probe->egress == NO_RULE || plan->rules[probe->egress].allow) &&
		       (probe->ingress == NO_RULE || plan->rules[probe->ingress].allow);
}

void matrix_judge(struct matrix *matrix, const struct plan *plan)
{
	struct lookup subjects = {0};

	index_subjects(plan, &subjects);
	for (size_t i = 0; i < matrix->count; i++) {
		struct matrix_probe *probe = &matrix->probe[i];

		probe->from.subject = subject_of(&subjects, probe->from.pod);
		probe->to.subject = subject_of(&subjects, probe->to.pod);
		judge(probe, plan);
	}
	lookup_release(&subjects);
}

void matrix_release(struct matrix *matrix)
{
	for (size_t i = 0; i < matrix->count; i++) {
		free(matrix->probe[i].from.text);
		free(matrix->probe[i].to.text);
	}
	free(matrix->probe);
	*matrix = (struct matrix){0};
}

json_t *rule_row(const struct plan *plan, uint32_t index)
{
	const struct plan_rule *rule;
	json_t *row;

	if (index == NO_RULE)
		return json_null();
	rule = &plan->rules[index];
	row = json_pack("{s:s, s:s, s:s, s:s}", "verdict", rule->allow ? "allow" : "deny", "tier",
			tier_word(rule->tier), "policy", rule->policy, "rule", rule->name);
	if (rule->index >= 0)
		json_object_set_new(row, "index", json_integer(rule->index));
	return row;
}

static json_t *shared_row(const struct plan *plan, uint32_t rule, json_t **rules)
{
	if (!rules || rule == NO_RULE)
		return rule_row(plan, rule);
	if (!rules[rule])
		rules[rule] = rule_row(plan, rule);
	return json_incref(rules[rule]);
}

json_t *probe_row(const struct matrix_probe *probe, const struct plan *plan, json_t **rules)
{
	char name[8], protocol[8];
	size_t i;

	strcpy(protocol, protocol_text(probe->protocol, name));
	for (i = 0; protocol[i]; i++)
		protocol[i] = (char)toupper((unsigned char)protocol[i]);
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:o, s:o}", "from", probe->from.text, "to",
			 probe->to.text, "protocol", protocol, "port", probe->port, "family",
			 probe->family, "verdict", probe->allow ? "allow" : "deny", "egress",
			 shared_row(plan, probe->egress, rules), "ingress",
			 shared_row(plan, probe->ingress, rules));
}
