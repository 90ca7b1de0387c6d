/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files of endpoints: who may reach what through which interface of this host. */
#include <stdlib.h>
#include <string.h>
#include "cmd/policy/policy.h"
#include "attach/attach.h"
#include "commit/enforce.h"
#include "manifest/manifest.h"
#include "manifest/schema.h"
#include "model/users.h"
#include "store/documents.h"

/* One word, or each of a list. */
static size_t word_count(const json_t *words)
{
	return json_is_array(words) ? json_array_size(words) : words != NULL;
}

static const json_t *word_at(const json_t *words, size_t index)
{
	return json_is_array(words) ? json_array_get(words, index) : words;
}

static int wrong(const struct manifests *manifests, const struct manifest *manifest,
		 const json_t *value)
{
	const char *colon = strrchr(manifest->where, ':');
	unsigned int line = manifest_line(manifests, value);
	int length =
	    (int)(line && colon ? (size_t)(colon - manifest->where) : strlen(manifest->where));
	char *sentence = xstrdup(failure()), *number = line ? xprintf(":%u", line) : xstrdup("");

	fail("%.*s%s: endpoint %s: %s", length, manifest->where, number,
	     field_text(field_get(manifest->object, "metadata"), "name", ""), sentence);
	free(number);
	free(sentence);
	return FAILED;
}

int endpoint_check(const struct manifests *manifests, const struct manifest *manifest)
{
	const json_t *users = field_get(manifest->object, "allow");
	const json_t *interfaces = field_get(manifest->object, "iface");

	for (size_t i = 0; i < word_count(interfaces); i++)
		if (interface_check(json_string_value(word_at(interfaces, i))))
			return wrong(manifests, manifest, word_at(interfaces, i));
	for (size_t i = 0; i < word_count(users); i++) {
		const json_t *word = word_at(users, i);
		char *text = json_is_string(word)
				 ? xstrdup(json_string_value(word))
				 : xprintf("%lld", (long long)json_integer_value(word));
		int error = user_check(text);

		free(text);
		if (error)
			return wrong(manifests, manifest, word);
	}
	return 0;
}

/* The interfaces of all endpoints, as keys. */
static json_t *interfaces_of(struct instance *instance)
{
	json_t *endpoints = document_array(instance, "endpoints"), *interfaces = json_object();
	json_t *endpoint;
	size_t i;

	json_array_foreach (endpoints, i, endpoint) {
		const json_t *words = field_get(endpoint, "iface");

		for (size_t j = 0; j < word_count(words); j++)
			json_object_set_new(interfaces, json_string_value(word_at(words, j)),
					    json_true());
	}
	json_decref(endpoints);
	return interfaces;
}

static void add_row(json_t *rows, const char *interface, const char *state)
{
	if (rows)
		json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "kind", "interface",
						      "name", interface, "state", state));
}

/* Those that stand already stay as they are, however they came to it. */
static bool is_attached(struct instance *instance, const char *subject)
{
	char *found = attach_find_subject(instance, subject);

	free(found);
	return found;
}

static int attach_one(struct instance *instance, const char *interface, json_t *done)
{
	char *subject = xprintf("user:%s", interface);
	struct attach_request request = {
	    .subject = subject,
	    .interface = interface,
	    .for_endpoints = true,
	};
	bool fresh = !is_attached(instance, subject);
	int error = attach_interface(instance, &request);

	if (!error && fresh)
		json_array_append_new(done, json_string(subject));
	free(subject);
	return error;
}

/* The sentence that says why stays. */
static void detach_again(struct instance *instance, const json_t *done)
{
	char *sentence = xstrdup(failure()), *mend = xstrdup(failure_mend());
	json_t *subject;
	size_t i;

	json_array_foreach (done, i, subject)
		detach_subject(instance, json_string_value(subject));
	fail("%s", sentence);
	if (*mend)
		fail_mend("%s", mend);
	free(sentence);
	free(mend);
}

int endpoints_attach(struct instance *instance, json_t *rows)
{
	json_t *interfaces = interfaces_of(instance), *done = json_array(), *value;
	const char *interface;
	int error = 0;
	size_t i;

	json_object_foreach (interfaces, interface, value)
		if (!error)
			error = attach_one(instance, interface, done);
	if (error)
		detach_again(instance, done);
	json_array_foreach (done, i, value)
		add_row(rows, json_string_value(value) + strlen(USER_PREFIX), "attached");
	json_decref(done);
	json_decref(interfaces);
	return error;
}

/* Attached for the sake of endpoints, of which none is left there. */
static bool is_left_over(const json_t *attachment, const json_t *interfaces)
{
	return json_is_true(json_object_get(attachment, "endpoints")) &&
	       !json_object_get(interfaces, field_text(attachment, "interface", ""));
}

int endpoints_release(struct instance *instance, json_t *rows)
{
	json_t *interfaces = interfaces_of(instance);
	json_t *attachments = document_array(instance, "attachments"), *attachment;
	int error = 0;
	size_t i;

	json_array_foreach (attachments, i, attachment) {
		if (error || !is_left_over(attachment, interfaces))
			continue;
		if (enforce_is_tentative()) {
			error = fail("interface %s would be detached, which is not taken back: "
				     "--confirm, --dry-run and --shadow do not go with that",
				     field_text(attachment, "interface", ""));
			continue;
		}
		error = detach_subject(instance, field_text(attachment, "subject", ""));
		add_row(rows, field_text(attachment, "interface", ""), "detached");
	}
	json_decref(attachments);
	json_decref(interfaces);
	return error;
}

void endpoints_warn(struct instance *instance)
{
	json_t *interfaces = interfaces_of(instance);
	json_t *attachments = document_array(instance, "attachments"), *attachment;
	size_t i;

	json_array_foreach (attachments, i, attachment) {
		const char *interface = field_text(attachment, "interface", "");

		if (is_left_over(attachment, interfaces))
			warn("no endpoint names interface %s any more; it stays closed until "
			     "`npctl attach detach user dev %s`",
			     interface, interface);
	}
	json_decref(attachments);
	json_decref(interfaces);
}
