/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model/dns_name.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model/model_private.h"

bool domain_parse(const char *text, char name[static DOMAIN_TEXT])
{
	size_t length = strlen(text);
	const char *last;

	if (length < 2 || length >= DOMAIN_TEXT || !strchr(text, '.'))
		return false;
	for (size_t i = 0; i <= length; i++)
		name[i] = (char)tolower((unsigned char)text[i]);
	if (name[length - 1] == '.')
		name[length - 1] = '\0';
	last = strrchr(name, '.') ? strrchr(name, '.') + 1 : name;
	return last[strspn(last, "0123456789")] && schema_is_dns_subdomain(name);
}

static void want(json_t *wanted, const char *name, const json_t *rule)
{
	json_t *wish = json_object_get(wanted, name);
	long grace = field_number(rule, "grace", GRACE_DEFAULT);

	if (!wish) {
		wish = json_pack("{s:i}", "grace", 0);
		json_object_set_new(wanted, name, wish);
	}
	if (grace > field_number(wish, "grace", 0))
		json_object_set_new(wish, "grace", json_integer(grace));
	if (strncmp(field_text(rule, "subject", ""), "user:", 5) == 0)
		json_object_set_new(wish, "users", json_true());
}

json_t *domains_wanted(const json_t *rules)
{
	json_t *wanted = json_object(), *rule;
	char name[DOMAIN_TEXT];
	size_t index;

	json_array_foreach (rules, index, rule) {
		if (domain_parse(field_text(rule, "peer", ""), name))
			want(wanted, name, rule);
	}
	return wanted;
}

static json_t *find_by(const json_t *array, const char *key, const char *text)
{
	json_t *each;
	size_t index;

	json_array_foreach (array, index, each) {
		if (strcmp(field_text(each, key, ""), text) == 0)
			return each;
	}
	return NULL;
}

json_t *domain_find(const json_t *names, const char *name)
{
	return find_by(names, "name", name);
}

bool domains_forget(json_t *names, const json_t *wanted)
{
	size_t index = 0, before = json_array_size(names);
	json_t *domain;

	while ((domain = json_array_get(names, index))) {
		if (json_object_get(wanted, field_text(domain, "name", "")))
			index++;
		else
			json_array_remove(names, index);
	}
	return json_array_size(names) != before;
}

static bool holds(const json_t *texts, const char *text)
{
	json_t *each;
	size_t index;

	json_array_foreach (texts, index, each) {
		if (strcmp(json_string_value(each), text) == 0)
			return true;
	}
	return false;
}

bool domain_merge(json_t *names, const char *name, const json_t *answer, long lifetime, time_t now)
{
	json_t *domain = domain_find(names, name), *addresses, *each;
	bool changed = !domain;
	size_t index;

	if (!domain) {
		domain =
		    json_pack("{s:s, s:s, s:[]}", "kind", "DomainName", "name", name, "addresses");
		json_array_append_new((json_t *)names, domain);
	}
	addresses = json_object_get(domain, "addresses");
	json_object_set_new(domain, "lifetime", json_integer(lifetime));
	json_array_foreach (addresses, index, each) {
		bool current = holds(answer, field_text(each, "address", ""));

		if (current == !field_get(each, "gone"))
			continue;
		changed = true;
		json_object_del(each, "gone");
		if (!current)
			json_object_set_new(each, "gone", json_integer(now));
	}
	json_array_foreach (answer, index, each) {
		if (find_by(addresses, "address", json_string_value(each)))
			continue;
		changed = true;
		json_array_append_new(
		    addresses, json_pack("{s:O, s:I}", "address", each, "since", (json_int_t)now));
	}
	return changed;
}

json_t *domain_outlived(const json_t *domain, long grace, time_t now)
{
	json_t *outlived = json_array(), *each;
	size_t index;

	json_array_foreach (field_get(domain, "addresses"), index, each) {
		if (field_get(each, "gone") && now - field_number(each, "gone", 0) >= grace)
			json_array_append(outlived, json_object_get(each, "address"));
	}
	return outlived;
}

void domain_drop(json_t *domain, const json_t *texts)
{
	json_t *addresses = json_object_get(domain, "addresses"), *each;
	size_t index = 0;

	while ((each = json_array_get(addresses, index))) {
		if (holds(texts, field_text(each, "address", "")))
			json_array_remove(addresses, index);
		else
			index++;
	}
}

static json_t *ages(const json_t *domain, time_t now)
{
	json_t *rows = json_array(), *each, *row;
	size_t index;

	json_array_foreach (field_get(domain, "addresses"), index, each) {
		row =
		    json_pack("{s:O, s:I}", "address", json_object_get(each, "address"),
			      "age_seconds", (json_int_t)(now - field_number(each, "since", now)));
		if (field_get(each, "gone"))
			json_object_set_new(row, "gone_seconds",
					    json_integer(now - field_number(each, "gone", now)));
		json_array_append_new(rows, row);
	}
	return rows;
}

void domains_annotate(json_t *rows, const json_t *names, time_t now)
{
	char name[DOMAIN_TEXT];
	json_t *row;
	size_t index;

	json_array_foreach (rows, index, row) {
		if (domain_parse(field_text(row, "peer", ""), name))
			json_object_set_new(row, "addresses", ages(domain_find(names, name), now));
	}
}

int read_domain(struct model *model, const struct item *object, const char *where)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	(void)where;
	if (!to)
		abort();
	ITEM_EACH (item_get(object, "addresses"), address)
		fprintf(to, "%s\n", item_text(address, "address", ""));
	fclose(to);
	model_list_set(model, model_format(model, DOMAIN_LIST "%s", item_text(object, "name", "")),
		       text);
	free(text);
	return 0;
}
