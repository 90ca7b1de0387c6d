// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/test/reach.h"
#include "load/checks.h"
#include "commit/enforce.h"
#include "base/port.h"
#include "net/probe.h"
#include "store/documents.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PART "connectivity"
#define TIMEOUT_MS 1500 /* time for one more SYN when the first was lost */
#define ALL_PAIRS 128	/* more than that, and only some clients of each port are tried */
#define SOME_CLIENTS 2	/* that many allowed and as many denied */

struct attempt {
	char *name; /* "default/allowed -> default/backend tcp/8080" */
	bool allowed;
	char *why; /* the rule that says so */
};

struct reach {
	json_t *topology;
	struct model *model;
	struct plan *plan;
	struct attempt *attempts;
	struct probe *probes;
	size_t count, attempt_room, probe_room;
	size_t limit; /* of clients for each port, family and verdict */
};

struct server {
	const struct pod *pod;
	char *name;
	const struct container_port *port;
	const struct address *address;
};

static char *full_name(const struct pod *pod)
{
	return xprintf("%s/%s", pod->namespace, pod->name);
}

static const struct address *address_of(const struct pod *pod, uint8_t family)
{
	for (size_t i = 0; i < pod->address_count; i++)
		if (pod->addresses[i].family == family)
			return &pod->addresses[i];
	return NULL;
}

/* One side's verdict: that of the rule, or allowed where nothing is enforced. */
static bool side_allows(const struct plan *plan, const char *subject, enum direction direction,
			const struct address *peer, const struct container_port *port, char **why)
{
	int index = plan_subject_find(plan, subject);
	const struct plan_rule *rule;

	if (index < 0 || !plan->subjects[index].enforced[direction])
		return true;
	rule = &plan->rules[plan_judge(plan, (uint32_t)index, direction, peer, port->protocol,
				       port->port)];
	free(*why);
	*why = xprintf("%s: %s", tier_word(rule->tier), rule->name);
	return rule->allow;
}

static bool predict(const struct plan *plan, const char *client, const struct address *from,
		    const struct server *server, char **why)
{
	*why = xstrdup("nothing is enforced");
	return side_allows(plan, client, EGRESS, server->address, server->port, why) &&
	       side_allows(plan, server->name, INGRESS, from, server->port, why);
}

static void add_attempt(struct reach *reach, const char *client, const char *netns,
			const struct server *server, bool allowed, char *why)
{
	const struct port port = {server->port->protocol, server->port->port};
	char text[PORT_TEXT];

	GROW(reach->attempts, reach->count, reach->attempt_room);
	GROW(reach->probes, reach->count, reach->probe_room);
	reach->attempts[reach->count] = (struct attempt){
	    .name = xprintf("%s -> %s %s%s", client, server->name, port_text(&port, text),
			    server->address->family == 6 ? " (IPv6)" : ""),
	    .allowed = allowed,
	    .why = why,
	};
	reach->probes[reach->count++] = (struct probe){
	    .netns = netns,
	    .to = *server->address,
	    .protocol = server->port->protocol,
	    .port = server->port->port,
	    .timeout_ms = TIMEOUT_MS,
	};
}

static void add_clients(struct reach *reach, const struct server *server)
{
	json_t *pods = json_object_get(reach->topology, "pods"), *one;
	size_t had[2] = {0}, i;

	json_array_foreach (pods, i, one) {
		const char *client = json_string_value(json_object_get(one, "pod"));
		const char *netns = json_string_value(json_object_get(one, "netns"));
		const struct pod *pod = client ? model_pod_find(reach->model, client) : NULL;
		const struct address *from = pod ? address_of(pod, server->address->family) : NULL;
		bool allowed;
		char *why;

		if (!from || !netns || pod == server->pod)
			continue;
		allowed = predict(reach->plan, client, from, server, &why);
		if (had[allowed]++ < reach->limit)
			add_attempt(reach, client, netns, server, allowed, why);
		else
			free(why);
	}
}

static void add_server(struct reach *reach, const struct pod *pod)
{
	struct server server = {.pod = pod, .name = full_name(pod)};

	for (size_t k = 0; k < pod->port_count; k++)
		for (uint8_t family = 4; family <= 6; family += 2) {
			server.port = &pod->ports[k];
			server.address = address_of(pod, family);
			if (server.address)
				add_clients(reach, &server);
		}
	free(server.name);
}

static const struct pod *topology_pod(const struct reach *reach, const json_t *one)
{
	const char *name = json_string_value(json_object_get(one, "pod"));

	return name ? model_pod_find(reach->model, name) : NULL;
}

static size_t count_pairs(const struct reach *reach)
{
	json_t *pods = json_object_get(reach->topology, "pods"), *one;
	size_t ports = 0, i;

	json_array_foreach (pods, i, one) {
		const struct pod *pod = topology_pod(reach, one);

		ports += pod ? pod->port_count * pod->address_count : 0;
	}
	return ports * json_array_size(pods);
}

int reach_plan(struct instance *instance, struct reach **reach)
{
	json_t *topology = document_get(instance, "topology"), *one;
	struct reach *new;
	size_t i;

	*reach = NULL;
	if (!topology)
		return 0;
	new = xalloc(sizeof(*new));
	new->topology = topology;
	if (enforce_model(instance, &new->model) || plan_compile(new->model, &new->plan)) {
		reach_free(new);
		return FAILED;
	}
	new->limit = count_pairs(new) > ALL_PAIRS ? SOME_CLIENTS : SIZE_MAX;
	json_array_foreach (json_object_get(topology, "pods"), i, one) {
		const struct pod *pod = topology_pod(new, one);

		if (pod)
			add_server(new, pod);
	}
	*reach = new;
	return 0;
}

/*
 * Dropped packets leave the client without an answer, or its own send with an
 * error. Any other failure came about otherwise, and proves nothing.
 */
static bool is_blocked(const struct probe *probe)
{
	return !probe->connected && (!probe->error || probe->error == ETIMEDOUT ||
				     probe->error == EPERM || probe->error == ENOBUFS);
}

static void add_row(json_t *rows, const struct attempt *attempt, const struct probe *probe)
{
	bool as_said = attempt->allowed ? probe->connected : is_blocked(probe);
	char *what = probe->connected
			 ? xprintf("connected in %.1f ms", (double)probe->elapsed_us / 1000)
			 : xprintf("%s (%s)",
				   !is_blocked(probe) ? "failed"
				   : as_said	      ? "blocked, as it should be"
						      : "blocked",
				   probe->error ? strerror(probe->error) : "no answer");

	check_add(rows, PART, attempt->name, as_said ? MARK_PASS : MARK_FAIL, "%s%s; %s", what,
		  as_said	     ? ""
		  : attempt->allowed ? ", but the policy allows it"
				     : ", but the policy drops it",
		  attempt->why);
	free(what);
}

void reach_try(struct reach *reach, json_t *rows)
{
	if (!reach || !reach->count) {
		check_add(rows, PART, "pods", MARK_SKIP, "no pod of a topology has a port");
		return;
	}
	if (probes_run(reach->probes, reach->count)) {
		check_add(rows, PART, "pods", MARK_FAIL, "%s", failure());
		failure_clear();
		return;
	}
	for (size_t i = 0; i < reach->count; i++)
		add_row(rows, &reach->attempts[i], &reach->probes[i]);
}

void reach_free(struct reach *reach)
{
	if (!reach)
		return;
	for (size_t i = 0; i < reach->count; i++) {
		free(reach->attempts[i].name);
		free(reach->attempts[i].why);
	}
	free(reach->attempts);
	free(reach->probes);
	plan_free(reach->plan);
	model_free(reach->model);
	json_decref(reach->topology);
	free(reach);
}
