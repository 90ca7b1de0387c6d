/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Manifests one at a time are those of the whole file, without what nobody
 * reads: the same objects, the same places, the same refusals.
 */
#include "unit.h"
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "manifest/manifest.h"
#include "manifest/schema_kinds.h"

static json_t *known_of(const json_t *object, const struct schema *schema);

static json_t *known_value(json_t *value, const struct field *field)
{
	json_t *array, *element;
	size_t i;

	if (field && field->type == TYPE_OBJECT && json_is_object(value))
		return known_of(value, field->schema);
	if (!field || field->type != TYPE_OBJECTS || !json_is_array(value))
		return json_incref(value);
	array = json_array();
	json_array_foreach (value, i, element)
		json_array_append_new(array, json_is_object(element)
						 ? known_of(element, field->schema)
						 : json_incref(element));
	return array;
}

/* What a schema looks at, of an object that was read as a whole. */
static json_t *known_of(const json_t *object, const struct schema *schema)
{
	json_t *known = json_object(), *value;
	const char *key;

	json_object_foreach ((json_t *)object, key, value) {
		const struct field *field = schema->fields;

		while (field->name && strcmp(field->name, key) != 0)
			field++;
		if (field->name || !schema->open)
			json_object_set_new(known, key,
					    known_value(value, field->name ? field : NULL));
	}
	return known;
}

static json_t *sieved(const json_t *object)
{
	const char *kind = json_string_value(json_object_get(object, "kind"));
	const char *version = json_string_value(json_object_get(object, "apiVersion"));
	const struct schema *schema = NULL;

	if (kind && (strcmp(kind, "Pod") == 0 || strcmp(kind, "NetworkPolicy") == 0))
		schema = schema_of_kind(kind, version ? version : "");
	return schema ? known_of(object, schema) : json_deep_copy(object);
}

static int collect(const struct manifests *manifests, const struct manifest *manifest, void *data)
{
	(void)manifests;
	json_array_append_new(data, json_pack("[s, o]", manifest->where, sieved(manifest->object)));
	return 0;
}

/* Both ways to read; whether the file was taken. */
static bool read_both(const char *path, const char *text)
{
	json_t *whole = json_array(), *each = json_array();
	struct manifests manifests = {0};
	int result = manifests_read_text(path, text, strlen(text), &manifests);
	char *error = xstrdup(failure());

	failure_clear();
	for (size_t i = 0; i < manifests.count; i++)
		collect(&manifests, &manifests.manifest[i], whole);
	manifests_release(&manifests);
	/* What nobody reads may be wrong in ways that do not matter. */
	if (manifests_each_text(path, text, strlen(text), collect, each))
		assert_true(result != 0);
	else if (!result)
		assert_true(json_equal(whole, each));
	if (result && *failure())
		assert_string_equal(error, failure());
	failure_clear();
	json_decref(whole);
	json_decref(each);
	free(error);
	return !result;
}

static const char *const texts[] = {
    "",
    "{}",
    "[]",
    "null",
    "{\"kind\": \"Pod\"} {\"kind\": \"Namespace\"}\n\n{\"kind\":\"Pod\",\"spec\":{\"x\":[1,{}]}}",
    "{\"kind\": \"PodList\", \"apiVersion\": \"v1\", \"metadata\": {\"resourceVersion\": \"7\"},\n"
    "\"items\": [\n{\"metadata\": {\"name\": \"a\", \"uid\": \"u\"}, \"spec\": {\"containers\": "
    "[{\"image\": \"i\", \"ports\": [{\"containerPort\": 80, \"hostPort\": 1}]}, {}]}},\n"
    "{\"status\": {\"podIPs\": [{\"ip\": \"10.0.0.1\"}], \"conditions\": [null, true, -1.5e3]}}]}",
    "{\"items\": [{\"kind\": \"NetworkPolicy\", \"metadata\": {\"managedFields\": [{}], \"name\": "
    "\"n\"}, \"spec\": {\"podSelector\": {\"matchLabels\": {\"a\": \"b\"}}, \"odd\": 1}, "
    "\"status\": {}}], \"kind\": \"List\", \"apiVersion\": \"v1\"}",
    "{\"items\": [{\"kind\": \"Pod\"}], \"spec\": {}}",
    "{\"items\": [], \"kind\": \"List\"}",
    "{\"items\": {}, \"kind\": \"List\"}",
    "{\"items\": [1, null], \"kind\": \"List\"}",
    "{\"items\": [{}], \"items\": [{}], \"kind\": \"List\"}",
    "{\"items\": [{\"kind\": \"List\", \"items\": [{}]}], \"kind\": \"List\"}",
    "{\"items\": [{\"endpoints\": [{\"a\": {\"iface\": \"eth0\"}}]}], \"kind\": \"List\"}",
    "{\"kind\": \"CidrList\", \"spec\": {}, \"items\": [{}]}",
    "{\"kind\": \"P\\u006fd\", \"spec\": {\"volumes\": []}}",
    "{\"kind\": \"Pod\", \"sp\\u0065c\": {\"nodeName\": \"n\"}}",
    "{\"kind\": \"Pod\", \"spec\": {\"nodeName\": \"n\\\"}\\\\\"}, \"x\": \"\\\\\"}",
    "{\"kind\": \"Pod\", \"spec\": 1, \"status\": [], \"metadata\": null}",
    "{\"kind\": \"Pod\", \"spec\": {\"nodeName\": \"a\", \"nodeName\": \"b\"}}",
    "{\"kind\": \"Pod\",\n\n\"metadata\": {\"name\": 01}}",
    "{\"kind\": \"Pod\",\n\n\"metadata\": {\"name\": \"\x01\"}}",
    "{\"kind\": \"Pod\"\n\n",
    "{\"kind\": \"Pod\"}\n---\n{\"kind\": \"Pod\"}\n",
    "{kind: Pod, spec: {nodeName: n}}",
    "kind: Pod\nmetadata: {name: a}\n---\nkind: List\nitems: [{kind: Pod}]\n",
};

static void policy_manifest__each_is_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		read_both("texts.json", texts[i]);
		read_both("texts.yml", texts[i]);
	}
}

/* A text with some of its bytes gone, doubled, or those of another one. */
static char *mutated(const char *text, const char *other)
{
	static const char bytes[] = "{}[],:\"\\ 0-1e.ntf\n";
	size_t length = strlen(text), more = strlen(other);
	char *copy = xalloc(length + more + 2);
	size_t at = length ? (size_t)random() % length : 0, cut = (size_t)random() % 12;
	size_t from = more ? (size_t)random() % more : 0;

	cut = cut > length - at ? length - at : cut;
	memcpy(copy, text, at);
	if (random() % 2)
		copy[at] = bytes[(size_t)random() % (sizeof(bytes) - 1)];
	else if (random() % 2)
		strncat(copy, other + from, (size_t)random() % 40);
	strcat(copy, text + at + cut);
	return copy;
}

static void policy_manifest__random(void **state)
{
	size_t taken = 0;

	(void)state;
	srandom(4711);
	for (int i = 0; i < 20000; i++) {
		const char *text = texts[(size_t)random() % ARRAY_SIZE(texts)];
		char *copy = mutated(text, texts[(size_t)random() % ARRAY_SIZE(texts)]);

		taken += read_both("random.json", copy);
		free(copy);
	}
	assert_true(taken > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(policy_manifest__each_is_whole),
	    cmocka_unit_test(policy_manifest__random),
	};

	return cmocka_run_group_tests_name("policy_manifest", tests, NULL, NULL);
}
