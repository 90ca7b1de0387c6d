// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* CHECK and STATUS. */
#include <stdlib.h>
#include <string.h>
#include "cni/commands.h"
#include "cni/refuse.h"
#include "attach/attach.h"
#include "store/networks.h"
#include "net/masquerade.h"
#include "manifest/schema.h"
#include "kernel/privileges.h"

/* What keeps an interface's policy from being in force; NULL: nothing. */
static const char *policy_fault(const json_t *rows, const char *host)
{
	int programs = 0;
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		const char *program = field_text(row, "program", "");

		if (strcmp(field_text(row, "interface", ""), host) != 0 ||
		    !json_is_true(json_object_get(row, "npctl")))
			continue;
		programs += !strcmp(program, "pod_ingress") || !strcmp(program, "pod_egress");
		if (json_array_size(json_object_get(row, "warnings")))
			return json_string_value(
			    json_array_get(json_object_get(row, "warnings"), 0));
	}
	return programs == DIRECTIONS ? NULL : "npctl's programs are not attached";
}

static int check_policy(struct instance *instance, const char *host, int code)
{
	json_t *rows = NULL;
	const char *fault;
	int error;

	if (!instance_loaded(instance))
		return refuse(code, "npctl's datapath is not loaded");
	error = attach_list(instance, &rows);
	fault = error ? NULL : policy_fault(rows, host);
	if (fault)
		error = refuse(code, "policy is not in force on %s: %s", host, fault);
	json_decref(rows);
	return error;
}

static int check_hidden(const struct request *request, const json_t *record)
{
	char *table = hide_table(request->config.root);
	int error = 0;

	if (hide_is_wanted(record) && !masquerade_is_set(table))
		error = refuse(REFUSED_CHECK,
			       "the nftables table \"inet %s\" that masquerades is "
			       "gone",
			       table);
	free(table);
	return error;
}

static int check_record(struct instance *instance, const struct request *request)
{
	json_t *document = network_read(instance, request->network);
	json_t *record = record_find(document, request->container, request->ifname);
	int error;

	if (!record)
		error = refuse(REFUSED_CONTAINER, "%s of container %s is not on network %s",
			       request->ifname, request->container, request->network);
	else
		error = wire_check(request, record);
	if (!error)
		error = check_hidden(request, record);
	if (!error)
		error = check_policy(instance, field_text(record, "host", ""), REFUSED_CHECK);
	json_decref(document);
	return error;
}

int cni_check(const struct request *request, json_t **result)
{
	struct instance *instance = NULL;
	int error;

	(void)result;
	if (!request->previous)
		return refuse(REFUSED_CONFIG, "CHECK needs a prevResult");
	error = wire_check_netns(request);
	if (!error)
		error = cni_open(request, ACCESS_TRY, &instance);
	if (!error && !instance)
		error = refuse(REFUSED_CONTAINER,
			       "%s of container %s is not on network %s: there "
			       "is no npctl instance at %s",
			       request->ifname, request->container, request->network,
			       request->config.root);
	if (!error)
		error = check_record(instance, request);
	instance_close(instance);
	if (!error && request->config.ipam)
		error = delegate_run(request, "CHECK", NULL);
	return error;
}

/* Containers whose policy is not in force: they have limited connectivity, or too much. */
static int status_of_containers(const char *network, json_t *document, void *data)
{
	struct instance *instance = data;
	json_t *record;
	size_t i;

	(void)network;
	json_array_foreach (json_object_get(document, "attachments"), i, record)
		if (check_policy(instance, field_text(record, "host", ""), REFUSED_LIMITED))
			return FAILED;
	return 0;
}

/* A plugin of before 1.1.0 has no STATUS and so nothing against us. */
static int status_of_delegate(const struct request *request)
{
	int error = delegate_run(request, "STATUS", NULL), code = refusal_code();

	if (error && (code == REFUSED_VERSION || (code == REFUSED_ENVIRONMENT && request->path)))
		error = 0;
	if (!error)
		failure_clear();
	if (error && code != REFUSED_STATUS && code != REFUSED_LIMITED)
		error = refuse_as(REFUSED_STATUS);
	return error;
}

static int status_of_instance(const struct request *request)
{
	struct instance *instance = NULL;
	int error = cni_open(request, ACCESS_TRY, &instance);

	if (error)
		return refuse_as(REFUSED_STATUS);
	if (!instance)
		return 0;
	error = networks_each(instance, status_of_containers, instance);
	if (!error && request->config.podcidr_count && addresses_left(instance, request))
		error = refuse_as(REFUSED_STATUS);
	instance_close(instance);
	return error;
}

int cni_status(const struct request *request, json_t **result)
{
	int error;

	(void)result;
	if (!privileges_suffice()) {
		fail_privileges("make pods' interfaces");
		return refuse_as(REFUSED_STATUS);
	}
	error = status_of_instance(request);
	if (!error && request->config.ipam)
		error = status_of_delegate(request);
	return error;
}
