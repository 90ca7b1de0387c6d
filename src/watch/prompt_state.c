// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "watch/prompt_state.h"
#include "datapath/apply.h"
#include "store/instance.h"
#include "watch/statistics.h"
#include "store/documents.h"
#include "store/waiting.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct count {
	struct instance *instance;
	size_t pods;
};

static int count_pods(const char *name, void *data)
{
	struct count *count = data;
	json_t *pods;

	if (strncmp(name, "pods/", 5) != 0)
		return 0;
	pods = document_get(count->instance, name);
	count->pods += json_array_size(pods);
	json_decref(pods);
	return 0;
}

static int compare_rules(const void *a, const void *b)
{
	const struct glance_rule *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static uint64_t packets_before(const struct glance *glance, uint32_t number)
{
	struct glance_rule wanted = {.number = number}, *found = NULL;

	if (glance->deny_count)
		found = bsearch(&wanted, glance->denies, glance->deny_count, sizeof(wanted),
				compare_rules);
	return found ? found->packets : 0;
}

static uint64_t growth(uint64_t before, uint64_t now)
{
	return now > before ? now - before : 0;
}

/* The policy is another one: other rules, perhaps other pods. */
static void look_anew(struct glance *glance, struct instance *instance)
{
	struct count count = {.instance = instance};
	struct glance_rule *denies;
	json_t *rows = NULL, *row;
	size_t i, kept = 0;

	document_each(instance, count_pods, &count);
	glance->pods = count.pods;
	if (glance->loaded)
		statistics_rules(instance, &rows);
	denies = xalloc(json_array_size(rows) * sizeof(*denies));
	json_array_foreach (rows, i, row) {
		struct glance_rule *deny = &denies[kept];

		if (strcmp(json_string_value(json_object_get(row, "verdict")), "deny") != 0)
			continue;
		deny->number = json_integer_value(json_object_get(row, "rule_number"));
		deny->packets = json_integer_value(json_object_get(row, "packets"));
		glance->drops += growth(packets_before(glance, deny->number), deny->packets);
		kept++;
	}
	json_decref(rows);
	free(glance->denies);
	glance->denies = denies;
	glance->deny_count = kept;
}

static void look_again(struct glance *glance, struct instance *instance)
{
	int counters = glance->deny_count ? instance_map(instance, "counters") : -1;
	struct counter sum;

	for (size_t i = 0; counters >= 0 && i < glance->deny_count; i++) {
		struct glance_rule *deny = &glance->denies[i];

		if (apply_counter(counters, deny->number, &sum))
			break;
		glance->drops += growth(deny->packets, sum.packets);
		deny->packets = sum.packets;
	}
	if (counters >= 0)
		close(counters);
}

void glance_look(struct glance *glance, const char *root)
{
	struct instance *instance = NULL;
	bool was_loaded = glance->loaded;

	glance->drops = 0;
	glance->present = glance->loaded = false;
	if (!instance_open(&instance, root, ACCESS_TRY) && instance) {
		glance->present = true;
		glance->loaded = instance_loaded(instance);
		if (!glance->looked || glance->version != version_in_force(instance->settings) ||
		    glance->loaded != was_loaded)
			look_anew(glance, instance);
		else
			look_again(glance, instance);
		glance->version = version_in_force(instance->settings);
	}
	if (!glance->looked)
		glance->drops = 0;
	glance->looked = glance->present;
	instance_close(instance);
	failure_clear();
}

void glance_release(struct glance *glance)
{
	free(glance->denies);
	*glance = (struct glance){0};
}
