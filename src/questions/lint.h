/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is probably not what its author meant. */
#ifndef NPCTL_QUESTIONS_LINT_H
#define NPCTL_QUESTIONS_LINT_H

#include <jansson.h>
#include "model/model.h"

/* Rows {"where", "policy", "rule", "problem", "detail"}. Every pod must be a subject. */
json_t *lint_rows(const struct model *model, const struct plan *plan);
/* Warns of cluster policies that leave their order to their names. */
void model_warn_ties(const struct model *model);

#endif
