// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "watch/labels.h"
#include "commit/enforce.h"
#include "store/documents.h"
#include "store/waiting.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct owner {
	struct address address;
	char *pod;
};

struct subject_name {
	uint32_t ifindex;
	uint64_t cgroup;
	char *subject, *interface; /* a cgroup's interface is "" */
};

struct names {
	const struct settings *settings;
	uint32_t version;
	const struct rule_info *rules;
	size_t rule_count;
	struct owner *owners; /* sorted by address */
	size_t owner_count, owner_room;
	struct subject_name *subjects;
	size_t subject_count, subject_room;
};

static int compare_owners(const void *a, const void *b)
{
	return address_compare(&((const struct owner *)a)->address,
			       &((const struct owner *)b)->address);
}

static int read_pods(struct instance *instance, struct names *names)
{
	struct model *model;

	if (enforce_model(instance, &model))
		return FAILED;
	for (size_t i = 0; i < model_pod_count(model); i++) {
		const struct pod *pod = model_pod(model, i);

		for (size_t k = 0; k < pod->address_count && !pod->host_network; k++) {
			GROW(names->owners, names->owner_count, names->owner_room);
			names->owners[names->owner_count++] = (struct owner){
			    pod->addresses[k], xprintf("%s/%s", pod->namespace, pod->name)};
		}
	}
	model_free(model);
	if (names->owner_count)
		qsort(names->owners, names->owner_count, sizeof(*names->owners), compare_owners);
	return 0;
}

static void read_subjects(struct instance *instance, struct names *names)
{
	json_t *attachments = document_get(instance, "attachments"), *one;
	size_t i;

	json_array_foreach (attachments, i, one) {
		const char *subject = json_string_value(json_object_get(one, "subject"));
		const char *interface = json_string_value(json_object_get(one, "interface"));

		if (!subject)
			continue;
		GROW(names->subjects, names->subject_count, names->subject_room);
		names->subjects[names->subject_count++] = (struct subject_name){
		    .ifindex = json_integer_value(json_object_get(one, "ifindex")),
		    .cgroup = json_integer_value(json_object_get(one, "cgroup_id")),
		    .subject = xstrdup(subject),
		    .interface = xstrdup(interface ? interface : ""),
		};
	}
	json_decref(attachments);
}

/* The whole of an array that can be mapped. */
static const void *map_array(struct instance *instance, const char *name, size_t *count)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	int fd = instance_map(instance, name);
	void *memory;

	if (fd < 0)
		return NULL;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		memory = MAP_FAILED;
	else
		memory = mmap(NULL, (size_t)info.max_entries * ((info.value_size + 7) & ~7u),
			      PROT_READ, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		fail("map %s/maps/%s: %s", instance->root, name, strerror(errno));
	close(fd);
	*count = info.max_entries;
	return memory == MAP_FAILED ? NULL : memory;
}

int names_read(struct instance *instance, struct names **names)
{
	struct names *new = xalloc(sizeof(*new));
	int error = FAILED;
	size_t one;

	new->rules = map_array(instance, "rules", &new->rule_count);
	if (new->rules)
		new->settings = map_array(instance, "settings", &one);
	if (new->settings) {
		new->version = version_in_force(new->settings);
		error = read_pods(instance, new);
	}
	if (error) {
		names_free(new);
		return error;
	}
	read_subjects(instance, new);
	*names = new;
	return 0;
}

void names_free(struct names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < names->owner_count; i++)
		free(names->owners[i].pod);
	for (size_t i = 0; i < names->subject_count; i++) {
		free(names->subjects[i].subject);
		free(names->subjects[i].interface);
	}
	free(names->owners);
	free(names->subjects);
	if (names->rules)
		munmap((void *)names->rules, names->rule_count * sizeof(*names->rules));
	if (names->settings)
		munmap((void *)names->settings, sizeof(*names->settings));
	free(names);
}

bool names_are_stale(const struct names *names)
{
	return version_in_force(names->settings) != names->version;
}

const char *names_pod(const struct names *names, const struct address *address)
{
	const struct owner key = {.address = *address};
	const struct owner *owner;

	if (!names->owner_count)
		return NULL;
	owner = bsearch(&key, names->owners, names->owner_count, sizeof(*names->owners),
			compare_owners);
	return owner ? owner->pod : NULL;
}

static bool is_for_users(const struct subject_name *subject)
{
	return !strncmp(subject->subject, "user:", 5);
}

const char *names_subject(const struct names *names, uint32_t ifindex)
{
	const char *users = NULL;

	for (size_t i = 0; i < names->subject_count; i++) {
		const struct subject_name *one = &names->subjects[i];

		if (one->cgroup || one->ifindex != ifindex)
			continue;
		if (!is_for_users(one))
			return one->subject;
		users = one->subject;
	}
	return users;
}

const char *names_event_subject(const struct names *names, const struct event *event)
{
	for (size_t i = 0; i < names->subject_count; i++) {
		const struct subject_name *one = &names->subjects[i];

		if (event->hook == HOOK_CONTAINER && one->cgroup && one->cgroup == event->cgroup)
			return one->subject;
		if (event->hook == HOOK_USER && !one->cgroup && is_for_users(one) &&
		    one->ifindex == event->ifindex)
			return one->subject;
	}
	return event->hook == HOOK_POD ? names_subject(names, event->ifindex) : NULL;
}

/* "ns/pod" itself or its part behind the slash. */
static bool is_pod(const char *full, const char *name)
{
	const char *slash = strchr(full, '/');

	return !strcmp(full, name) || (slash && !strcmp(slash + 1, name));
}

int names_pod_addresses(const struct names *names, const char *pod, struct address *addresses,
			size_t room)
{
	const char *found = NULL;
	size_t count = 0;

	for (size_t i = 0; i < names->owner_count; i++) {
		const struct owner *owner = &names->owners[i];

		if (!is_pod(owner->pod, pod))
			continue;
		if (found && strcmp(found, owner->pod) != 0)
			return -1;
		found = owner->pod;
		if (count < room)
			addresses[count] = owner->address;
		count++;
	}
	return found ? (int)count : -1;
}

uint32_t names_ifindex(const struct names *names, const char *subject)
{
	uint32_t ifindex = 0;

	for (size_t i = 0; i < names->subject_count; i++) {
		const struct subject_name *one = &names->subjects[i];

		if (!strcmp(one->subject, subject) || !strcmp(one->interface, subject))
			return one->ifindex;
		if (!is_pod(one->subject, subject))
			continue;
		if (ifindex)
			return 0; /* of several namespaces */
		ifindex = one->ifindex;
	}
	return ifindex;
}

const struct rule_info *names_rule(const struct names *names, uint32_t rule)
{
	if (!rule || rule >= names->rule_count || !names->rules[rule].name[0])
		return NULL;
	return &names->rules[rule];
}

bool names_rule_is(const struct names *names, uint32_t rule, const char *text)
{
	const struct rule_info *info = names_rule(names, rule);
	size_t length = strlen(text);

	return info && !strncmp(info->name, text, length) &&
	       (!info->name[length] || info->name[length] == ' ');
}

size_t names_rules_find(const struct names *names, const char *text, uint32_t *rules, size_t room)
{
	size_t count = 0;

	for (uint32_t i = 1; i < names->rule_count; i++) {
		if (!names_rule_is(names, i, text))
			continue;
		if (count < room)
			rules[count] = i;
		count++;
	}
	return count;
}
