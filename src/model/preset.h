/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Presets: files NAME.yml that spell out one-line rules with settings in
 * them. npctl-policy(8) describes the format.
 */
#ifndef NPCTL_MODEL_PRESET_H
#define NPCTL_MODEL_PRESET_H

#include <jansson.h>
#include "model/model.h"

struct preset_words {
	const char *name;
	const json_t *settings; /* KEY -> text, or array of texts; NULL: none */
	const char *subject;	/* as one-line rules have it; NULL: every pod */
};

/*
 * Puts the preset's rules, all for egress, into the document "rules". What
 * another preset or other settings had put there for the subject goes; rules
 * that stay keep their numbers. `rows` (or NULL) gets each rule with its "id"
 * and "state". On failure nothing has changed.
 */
int preset_put(struct model *model, const struct preset_words *words, json_t *rules, json_t *rows);
/* Takes away all that presets have put there for the subject, as the document has it; how many. */
size_t preset_remove(json_t *rules, const char *subject, json_t *rows);

/* {"preset", "description", "settings": {KEY: default}, "rules": […], "file"} */
int preset_read(const char *name, json_t **preset);
/* The same of all that there are, by name; those that cannot be read have "problem" instead. */
json_t *presets_list(void);

#endif
