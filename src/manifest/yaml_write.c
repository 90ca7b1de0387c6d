/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "manifest/yaml_write.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>
#include "base/base.h"

static int emit(yaml_emitter_t *emitter, yaml_event_t *event, int made)
{
	return made && yaml_emitter_emit(emitter, event) ? 0 : -1;
}

static int write_scalar(yaml_emitter_t *emitter, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;

	return emit(emitter, &event,
		    yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
						 (int)strlen(text), 1, 1, style));
}

/* Quoted wherever a reader might take it for something else than a text. */
static int write_text(yaml_emitter_t *emitter, const char *text)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./";
	static const char *const words[] = {"y",   "n",	   "yes",   "no",  "on",
					    "off", "true", "false", "null"};
	bool plain = strspn(text, letters) == strlen(text) && strlen(text) > 1 &&
		     ((*text | 32) >= 'a' && (*text | 32) <= 'z');

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		plain = plain && strcasecmp(words[i], text) != 0;
	if (strchr(text, '\n'))
		return write_scalar(emitter, text, YAML_LITERAL_SCALAR_STYLE);
	return write_scalar(emitter, text,
			    plain ? YAML_PLAIN_SCALAR_STYLE : YAML_SINGLE_QUOTED_SCALAR_STYLE);
}

static int write_value(yaml_emitter_t *emitter, const json_t *value);

static int write_mapping(yaml_emitter_t *emitter, const json_t *object)
{
	yaml_mapping_style_t style =
	    json_object_size(object) ? YAML_BLOCK_MAPPING_STYLE : YAML_FLOW_MAPPING_STYLE;
	yaml_event_t event;
	const char *key;
	json_t *value;
	int result = emit(emitter, &event,
			  yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, style));

	json_object_foreach ((json_t *)object, key, value) {
		if (!result)
			result = write_text(emitter, key);
		if (!result)
			result = write_value(emitter, value);
	}
	if (result)
		return result;
	return emit(emitter, &event, yaml_mapping_end_event_initialize(&event));
}

static int write_sequence(yaml_emitter_t *emitter, const json_t *array)
{
	yaml_sequence_style_t style =
	    json_array_size(array) ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE;
	yaml_event_t event;
	size_t index;
	json_t *value;
	int result = emit(emitter, &event,
			  yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, style));

	json_array_foreach (array, index, value) {
		if (!result)
			result = write_value(emitter, value);
	}
	if (result)
		return result;
	return emit(emitter, &event, yaml_sequence_end_event_initialize(&event));
}

static int write_value(yaml_emitter_t *emitter, const json_t *value)
{
	char *text;
	int result;

	if (json_is_object(value))
		return write_mapping(emitter, value);
	if (json_is_array(value))
		return write_sequence(emitter, value);
	if (json_is_string(value))
		return write_text(emitter, json_string_value(value));
	text = json_dumps(value, JSON_ENCODE_ANY);
	result = text ? write_scalar(emitter, text, YAML_PLAIN_SCALAR_STYLE) : -1;
	free(text);
	return result;
}

static int write_document(yaml_emitter_t *emitter, const json_t *value)
{
	yaml_event_t event;
	int result = emit(emitter, &event,
			  yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 0));

	if (!result)
		result = write_value(emitter, value);
	if (!result)
		result = emit(emitter, &event, yaml_document_end_event_initialize(&event, 1));
	return result;
}

int yaml_write(FILE *to, const json_t *documents)
{
	yaml_emitter_t emitter;
	yaml_event_t event;
	size_t index;
	json_t *document;
	int result;

	if (!yaml_emitter_initialize(&emitter))
		return fail("out of memory");
	yaml_emitter_set_output_file(&emitter, to);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	result =
	    emit(&emitter, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	json_array_foreach (documents, index, document) {
		if (!result)
			result = write_document(&emitter, document);
	}
	if (!result)
		result = emit(&emitter, &event, yaml_stream_end_event_initialize(&event));
	if (result)
		fail("YAML cannot be written: %s", emitter.problem ? emitter.problem : "no memory");
	yaml_emitter_delete(&emitter);
	return result ? FAILED : 0;
}
