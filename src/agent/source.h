/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where an agent's objects come from: a directory, or an API server. */
#ifndef NPCTL_AGENT_SOURCE_H
#define NPCTL_AGENT_SOURCE_H

#include <poll.h>
#include <stdio.h>
#include "agent/mirror.h"

#define WAITS 64

/* What the loop waits for. */
struct waits {
	struct pollfd fd[WAITS];
	unsigned int count;
	int timeout_ms;
};

void waits_add(struct waits *waits, int fd, short events);
/* At most until then, in now_ms()'s time. */
void waits_until(struct waits *waits, int64_t when_ms);
int64_t now_ms(void);

/* Says it unless `*said` is that sentence already; takes the remembered failure. */
void complain_once(char **said);

struct source {
	struct mirror *mirror;
	bool synced;	 /* all that there is has been seen once */
	bool once;	 /* a script's: the first failure is the last */
	bool failing;	 /* something of it is not followed as it should be */
	char *said;	 /* what went wrong last; NULL: nothing */
	uint64_t errors; /* and what it did, for the metrics */
	uint64_t relists, reconnects, events, refused;
	const struct source_kind *kind;
	void *own;
};

/* complain_once(), but a script's failure is left for the end. */
void source_complain(struct source *source, char **said);

struct source_kind {
	/* What an earlier agent stored is there to be read. */
	int (*start)(struct source *source, struct instance *instance);
	void (*wait)(struct source *source, struct waits *waits);
	void (*step)(struct source *source); /* takes what has come */
	void (*relist)(struct source *source);
	void (*stop)(struct source *source);
	/* Waits in the place of poll(2); or NULL */
	void (*poll)(struct source *source, struct waits *waits);
};

int source_of_directory(struct source *source, const char *path);
/* A kubeconfig; NULL: the API server of the cluster that this process runs in. */
int source_of_cluster(struct source *source, const char *kubeconfig, const char *context);

#endif
