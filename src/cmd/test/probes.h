/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parts of `test matrix`, and what its neighbours use of them. */
#ifndef NPCTL_CMD_TEST_PROBES_H
#define NPCTL_CMD_TEST_PROBES_H

#include "words/command.h"
#include "questions/matrix.h"

int json_read_file(const char *path, json_t **value);
/* The model of every file given by `option`; `objects` (or NULL) collects what it is made of. */
int manifests_model(const struct words *words, const char *option, struct model **model,
		    json_t *objects);

/* How a probe differs from what was expected or found, or NULL. */
const char *probe_difference(const struct matrix_probe *probe);

/* Each returns REPORTED when something differs. */
int matrix_show(struct context *context, const struct matrix *matrix, const struct plan *plan);
int matrix_tap(const struct matrix *matrix, const struct plan *plan);
int matrix_junit(const struct matrix *matrix, const struct plan *plan);

/* Builds the pods in a room of their own, tries every probe, and leaves nothing. */
int matrix_live(struct model *model, const json_t *objects, struct matrix *matrix);

#endif
