// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agent/agent.h"
#include "cmd/table.h"
#include "cmd/watch/stat.h"

static const struct option options[] = {
    {"manifests", VALUE_DIR, "DIR", "follow the manifests in this directory", 'm', false},
    {"kubeconfig", VALUE_FILE, "FILE", "follow the API server that this names", 'k', false},
    {"context", VALUE_TEXT, "NAME", "of the kubeconfig, not its current one", 0, false},
    {"node", VALUE_TEXT, "NAME", "this host's name in the cluster (default: $NODE_NAME, its own)",
     0, false},
    {"listen", VALUE_TEXT, "ADDRESS:PORT", "answer /healthz, /readyz and /metrics there", 'l',
     false},
    {"once", VALUE_NONE, NULL, "end as soon as all is in force", 0, false},
    {"forget", VALUE_NONE, NULL, "remove what the agent put there, and end", 0, false},
    {0},
};

static void print_metrics(FILE *to, void *data)
{
	stat_metrics_all(data, to);
	failure_clear();
}

static int run_agent(struct context *context, const struct words *words)
{
	struct agent_options agent = {
	    .root = context->root,
	    .manifests = word_value(words, "manifests"),
	    .kubeconfig = word_value(words, "kubeconfig"),
	    .context = word_value(words, "context"),
	    .node = word_value(words, "node"),
	    .listen = word_value(words, "listen"),
	    .once = word_flag(words, "once"),
	    .metrics = print_metrics,
	    .data = context,
	};

	if (agent.manifests && agent.kubeconfig)
		return misuse("--manifests or --kubeconfig, not both");
	if (agent.context && !agent.kubeconfig)
		return misuse("--context is one of a --kubeconfig");
	if (word_flag(words, "forget"))
		return agent_forget(context->root);
	return agent_run(&agent);
}

static const struct verb verbs[] = {
    {"", "", "follow a cluster, or a directory of manifests, and enforce what they say", 0, 0,
     options, run_agent, NULL},
    {0},
};

const struct command command_agent = {"agent", "follow a cluster or a directory", verbs};
