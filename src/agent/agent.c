// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One loop: the source brings changes. One that comes alone is committed at once;
 * those that come meanwhile, and in the milliseconds after them, become one commit.
 * What is in force stays so until all that there is has been seen.
 */
#include "agent/agent.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "agent/web.h"
#include "agent/metrics.h"
#include "agent/notify.h"
#include "agent/presets.h"
#include "agent/refresh.h"
#include "agent/source.h"
#include "commit/enforce.h"
#include "commit/guards.h"
#include "store/documents.h"
#include "store/agent_mark.h"

#define BATCH_MS 5
#define BUSY_MS 100 /* after a commit, more changes are likely */
#define RETRY_MS 1000
#define AGAIN_MS 30000

struct agent {
	const struct agent_options *options;
	struct mirror mirror;
	struct source source;
	struct counts counts;
	struct web *web;
	int mark, signals;
	int64_t changed_ms; /* when the oldest change came that is not in force; 0: none */
	int64_t commit_ms;  /* when the last one ended */
	int64_t retry_ms;   /* not before, after a failure */
	int64_t again_ms;   /* for presets that could not be had; 0: there are none */
	char *said, *presets;
	pid_t refresh;	    /* the process that keeps names up to date; 0: none */
	int64_t refresh_ms; /* when to start one */
	bool ready, leaving;
};

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void waits_add(struct waits *waits, int fd, short events)
{
	if (waits->count < WAITS)
		waits->fd[waits->count++] = (struct pollfd){.fd = fd, .events = events};
}

void waits_until(struct waits *waits, int64_t when_ms)
{
	int64_t left = when_ms - now_ms();

	if (left < waits->timeout_ms)
		waits->timeout_ms = left < 0 ? 0 : (int)left;
}

void complain_once(char **said)
{
	const char *mend = failure_mend();
	char *sentence =
	    xprintf("%s%s%s%s", failure(), *mend ? " (mend: " : "", mend, *mend ? ")" : "");

	failure_clear();
	if (*said && strcmp(*said, sentence) == 0) {
		free(sentence);
		return;
	}
	warn("%s", sentence);
	free(*said);
	*said = sentence;
}

void source_complain(struct source *source, char **said)
{
	if (!source->once) {
		complain_once(said);
		return;
	}
	free(*said);
	*said = xstrdup(failure());
	failure_clear();
	if (!source->said)
		source->said = xstrdup(*said);
}

/* What the cluster calls this host, for those who compile. */
static void write_node(const struct agent *agent, struct instance *instance)
{
	const char *name = agent->options->node ? agent->options->node : getenv("NODE_NAME");
	char host[256] = "";

	if (!name && !gethostname(host, sizeof(host) - 1))
		name = host;
	document_put(instance, "agent", json_pack("{s:s}", "node", name ? name : ""));
}

/* So that they are written anew. */
static void forget_presets(struct agent *agent)
{
	free(agent->presets);
	agent->presets = NULL;
}

/* Somebody may have removed the whole instance. */
static bool is_ours(struct instance *instance)
{
	json_t *own = document_get(instance, "agent");

	json_decref(own);
	return own != NULL;
}

static int write_and_commit(struct agent *agent)
{
	struct instance *instance;
	int error = instance_open(&instance, agent->options->root, ACCESS_CREATE);

	if (error)
		return error;
	error = instance_agent_enter(instance, &agent->mark);
	if (!error) {
		if (!is_ours(instance)) {
			mirror_touch(&agent->mirror);
			forget_presets(agent);
		}
		write_node(agent, instance);
		mirror_write(&agent->mirror, instance);
		error = presets_write(&agent->mirror, instance, &agent->presets);
		agent->again_ms = error == PRESETS_INCOMPLETE ? now_ms() + AGAIN_MS : 0;
	}
	if (error == PRESETS_INCOMPLETE)
		error = 0;
	if (!error && (documents_changed(instance) || instance->settings->dirty))
		error = enforce_commit(instance);
	if (error)
		forget_presets(agent);
	instance_close(instance);
	return error;
}

static void say_ready(struct agent *agent)
{
	json_t *counts = mirror_counts(&agent->mirror), *count;
	const char *kind, *comma = "";
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	json_object_foreach (counts, kind, count) {
		fprintf(to, "%s%lld %s", comma, (long long)json_integer_value(count), kind);
		comma = ", ";
	}
	fclose(to);
	if (!quiet)
		fprintf(stderr, "npctl: in step: %s\n", *text ? text : "no objects");
	free(text);
	json_decref(counts);
	notify("READY=1");
	agent->ready = true;
}

static int commit(struct agent *agent)
{
	int64_t begin = now_ms();

	if (write_and_commit(agent)) {
		agent->counts.failures++;
		agent->retry_ms = begin + RETRY_MS;
		return FAILED;
	}
	mirror_written(&agent->mirror);
	agent->commit_ms = now_ms();
	counts_commit(&agent->counts, agent->changed_ms ? begin - agent->changed_ms : 0,
		      agent->commit_ms - begin);
	agent->changed_ms = agent->retry_ms = 0;
	if (agent->said)
		warn("what was said is in force again");
	free(agent->said);
	agent->said = NULL;
	if (!agent->ready)
		say_ready(agent);
	return 0;
}

/* When the next commit is due; 0: nothing is to be done. */
static int64_t commit_due(struct agent *agent)
{
	bool busy;

	if (!agent->source.synced)
		return 0;
	if (!mirror_changed(&agent->mirror))
		return agent->again_ms;
	if (!agent->changed_ms)
		agent->changed_ms = now_ms();
	if (agent->retry_ms)
		return agent->retry_ms;
	busy = agent->ready && agent->changed_ms - agent->commit_ms < BUSY_MS;
	return agent->changed_ms + (busy ? BATCH_MS : 0);
}

/* It may have been killed for want of memory; another one starts soon. */
static void reap(struct agent *agent)
{
	pid_t child;

	while ((child = waitpid(-1, NULL, WNOHANG)) > 0) {
		if (child != agent->refresh)
			continue;
		agent->refresh = 0;
		agent->refresh_ms = now_ms() + RETRY_MS;
	}
}

static void take_signals(struct agent *agent)
{
	struct signalfd_siginfo info;

	while (read(agent->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			agent->source.kind->relist(&agent->source);
		else if (info.ssi_signo == SIGCHLD)
			reap(agent);
		else
			agent->leaving = true;
	}
}

static int block_signals(struct agent *agent)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	agent->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return agent->signals < 0 ? fail("signalfd failed") : 0;
}

static void keep_refreshing(struct agent *agent, struct waits *waits)
{
	if (agent->options->once || agent->refresh)
		return;
	waits_until(waits, agent->refresh_ms);
	if (agent->refresh_ms > now_ms())
		return;
	agent->refresh = refresh_start(agent->options->root);
	if (agent->refresh > 0)
		return;
	agent->refresh = 0;
	agent->refresh_ms = now_ms() + RETRY_MS;
}

static void wait_for_work(struct agent *agent)
{
	struct waits waits = {.timeout_ms = 60000};
	int64_t due = commit_due(agent);

	if (due)
		waits_until(&waits, due);
	keep_refreshing(agent, &waits);
	waits_add(&waits, agent->signals, POLLIN);
	agent->source.kind->wait(&agent->source, &waits);
	if (agent->web)
		web_wait(agent->web, &waits);
	if (agent->source.kind->poll)
		agent->source.kind->poll(&agent->source, &waits);
	else
		poll(waits.fd, waits.count, waits.timeout_ms);
}

/* For a script, one failure is enough. */
static int once_result(const struct agent *agent)
{
	if (agent->source.failing)
		return fail("%s", agent->source.said);
	return 0;
}

static int loop(struct agent *agent)
{
	bool once = agent->options->once;

	while (!agent->leaving) {
		int64_t due = commit_due(agent);

		if (due && due <= now_ms() && commit(agent)) {
			if (once)
				return FAILED;
			complain_once(&agent->said);
		}
		if (once && (agent->ready || agent->source.failing))
			return once_result(agent);
		wait_for_work(agent);
		take_signals(agent);
		agent->source.kind->step(&agent->source);
		if (agent->web)
			web_step(agent->web);
	}
	notify("STOPPING=1");
	return 0;
}

static int answer(const char *path, FILE *to, void *data)
{
	struct agent *agent = data;
	bool well = agent->ready && !agent->said && !agent->source.failing;

	if (strcmp(path, "/healthz") == 0 || strcmp(path, "/livez") == 0) {
		fprintf(to, "ok\n");
		return 200;
	}
	if (strcmp(path, "/readyz") == 0) {
		fprintf(to, agent->ready ? "ok\n" : "not in step yet\n");
		return agent->ready ? 200 : 503;
	}
	if (strcmp(path, "/metrics") == 0) {
		counts_print(&agent->counts, &agent->source, well, to);
		if (agent->options->metrics)
			agent->options->metrics(to, agent->options->data);
		return 200;
	}
	fprintf(to, "there is /healthz, /readyz and /metrics\n");
	return 404;
}

/* The mark first: one agent for an instance, and pods that come wait for it. */
static int begin(struct agent *agent)
{
	struct instance *instance;
	int error = instance_open(&instance, agent->options->root, ACCESS_CREATE);

	if (error)
		return error;
	error = instance_agent_enter(instance, &agent->mark);
	if (!error)
		error = agent->source.kind->start(&agent->source, instance);
	if (error) {
		instance_agent_leave(&agent->mark);
		instance_remove_if_empty(instance);
	}
	instance_close(instance);
	return error;
}

static int start(struct agent *agent)
{
	const struct agent_options *options = agent->options;
	int error = options->manifests
			? source_of_directory(&agent->source, options->manifests)
			: source_of_cluster(&agent->source, options->kubeconfig, options->context);

	if (!error && options->listen)
		error = web_open(&agent->web, options->listen, answer, agent);
	return error ? error : begin(agent);
}

int agent_run(const struct agent_options *options)
{
	struct agent agent = {.options = options, .mark = -1, .signals = -1};
	int error;

	guards_for_others();
	mirror_start(&agent.mirror);
	agent.source.mirror = &agent.mirror;
	agent.source.once = options->once;
	error = block_signals(&agent);
	if (!error)
		error = start(&agent);
	if (!error)
		error = loop(&agent);
	refresh_stop(agent.refresh);
	web_close(agent.web);
	if (agent.source.kind)
		agent.source.kind->stop(&agent.source);
	mirror_release(&agent.mirror);
	instance_agent_leave(&agent.mark);
	if (agent.signals >= 0)
		close(agent.signals);
	free(agent.source.said);
	free(agent.said);
	free(agent.presets);
	return error;
}

int agent_forget(const char *root)
{
	struct mirror nothing;
	struct instance *instance;
	int mark = -1, error = instance_open(&instance, root, ACCESS_WRITE);

	if (error)
		return error;
	error = instance_agent_enter(instance, &mark);
	if (!error) {
		mirror_start(&nothing);
		mirror_write(&nothing, instance);
		document_put(instance, AGENT_RULES, NULL);
		document_put(instance, "agent", NULL);
		error = enforce_commit(instance);
	}
	instance_agent_leave(&mark);
	instance_close(instance);
	return error;
}
