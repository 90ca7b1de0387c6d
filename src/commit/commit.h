/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The two ways in which a change comes into force. The full one compiles all
 * that the documents say; it is the meaning. The small one, for rules over
 * prefixes, compiles what has addresses in common with them and changes just
 * that; `policy verify` says whether both agree.
 */
#ifndef NPCTL_COMMIT_COMMIT_H
#define NPCTL_COMMIT_COMMIT_H

#include "datapath/apply.h"
#include "commit/enforce.h"

struct bindings {
	struct binding *binding;
	size_t count, capacity;
};

/* What the attachments are, and judge by. */
void bindings_make(struct instance *instance, const struct plan *plan, struct bindings *bindings);

/*
 * The model of the documents, but of the rules just these (an array), and of
 * the others only that there are some for those `scopes`.
 */
int commit_model(struct instance *instance, const json_t *rules, const json_t *scopes,
		 struct model **model);
/* What is free afterwards; `whole`: chunks of which nothing is used stay. */
int commit_gaps(struct instance *instance, const struct datapath *datapath, bool whole);
/* Documents and clock, then the flip. */
int commit_documents(struct instance *instance);

#define GIVE_UP 1 /* the change is not of that kind, or too large; nothing has happened */
int commit_small(struct instance *instance, struct datapath *datapath);

#endif
