/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy explain --user: what a user of this host may send through an interface. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/policy/explain.h"
#include "cmd/policy/policy.h"
#include "datapath/test_packet.h"
#include "attach/attach.h"
#include "questions/explain.h"
#include "model/model_private.h"
#include "manifest/schema.h"
#include "model/users.h"

int user_uid_find(const char *word, uint32_t *uid)
{
	struct users users;
	int error = user_check(word);

	if (error)
		return error;
	users_find(word, &users);
	if (!users.any && users.uids.count != 1)
		error = misuse("--user \"%s\" is not one user", word);
	else
		*uid = users.any ? USER_ANY : users.uids.item[0];
	users_release(&users);
	return error;
}

int user_subject_find(const struct plan *plan, const char *interface, uint32_t uid)
{
	char text[16];
	char *own = xprintf(USER_PREFIX "%s:%s", interface, uid_text(uid, text));
	char *any = xprintf(USER_PREFIX "%s:any", interface);
	int subject = plan_subject_find(plan, own);

	if (subject < 0)
		subject = plan_subject_find(plan, any);
	free(own);
	free(any);
	return subject;
}

static int ask(struct instance *instance, const char *interface, uint32_t uid,
	       const struct matrix_probe *probe, json_t *side)
{
	struct packet packet = {.to = probe->to.address,
				.from = {.family = probe->to.address.family},
				.protocol = probe->protocol,
				.port = probe->port};
	char *subject = xprintf(USER_PREFIX "%s", interface);
	uint32_t ifindex = attach_ifindex(instance, "subject", subject);
	bool allow;

	free(subject);
	if (!ifindex) {
		json_object_set_new(side, "datapath", json_string("not attached, so all pass"));
		return 0;
	}
	if (uid) /* a test run's socket is root's */
		return 0;
	if (ask_user_egress(instance, ifindex, &packet, &allow))
		return FAILED;
	json_object_set_new(side, "datapath", json_string(allow ? "allow" : "deny"));
	if (allow == probe->allow)
		return 0;
	return fail("the plan says %s and the loaded program %s: this is a bug of npctl",
		    probe->allow ? "allow" : "deny", allow ? "allow" : "deny");
}

static void show(struct context *context, const struct matrix_probe *probe, json_t *row)
{
	struct port_item item = {.first = PORT_KEY(probe->protocol, probe->port),
				 .last = PORT_KEY(probe->protocol, probe->port)};
	const char *verdict = probe->allow ? "allow" : "deny";
	char port[64];

	if (context->out.json) {
		out_json(&context->out, row);
		return;
	}
	printf("%s to %s %s: %s\n", probe->from.text, probe->to.text,
	       port_item_text(&item, port, sizeof(port)),
	       painted(&context->out, paint_verdict(verdict), verdict));
	explain_print_side(&context->out, "egress", json_object_get(row, "egress"));
	json_decref(row);
}

static int explain(struct context *context, const struct words *words, struct loaded *loaded)
{
	const char *user = word_value(words, "user"), *interface = word_value(words, "dev");
	const char *to = word_value(words, "to");
	struct matrix_probe probe = {.ingress = NO_RULE, .expected = -1, .live = -1};
	uint32_t uid;
	json_t *row;
	int error = explain_parse_port(words, &probe);

	if (!error)
		error = user_uid_find(user, &uid);
	if (!error && address_parse(to, &probe.to.address))
		error = misuse("--to \"%s\" is no address", to);
	if (!error) {
		model_subjects_users(loaded->model);
		error = loaded_compile(loaded);
	}
	if (error)
		return error;
	probe.family = probe.to.address.family;
	probe.to.subject = -1;
	probe.from.subject = user_subject_find(loaded->plan, interface, uid);
	if (probe.from.subject < 0) {
		fail("users are not judged at interface %s", interface);
		return fail_mend("npctl attach user dev %s", interface);
	}
	probe.egress = plan_judge(loaded->plan, (uint32_t)probe.from.subject, EGRESS,
				  &probe.to.address, probe.protocol, probe.port);
	probe.allow = loaded->plan->rules[probe.egress].allow;
	probe.from.text = xprintf(USER_PREFIX "%s:%s", interface, user);
	probe.to.text = xstrdup(to);
	row = probe_row(&probe, loaded->plan, NULL);
	json_object_set_new(row, "egress",
			    explain_side(loaded->model, loaded->plan, &probe, EGRESS));
	error = ask(loaded->instance, interface, uid, &probe, json_object_get(row, "egress"));
	show(context, &probe, row);
	free(probe.from.text);
	free(probe.to.text);
	return error;
}

int explain_user(struct context *context, const struct words *words)
{
	struct loaded loaded;
	int error;

	if (!word_value(words, "user") || !word_value(words, "dev") || !word_value(words, "to"))
		return misuse("who to whom? --user USER --dev DEV --to ADDRESS");
	if (word_value(words, "from") || word_value(words, "file"))
		return misuse("--user stands instead of --from and -f");
	error = loaded_open(&loaded, context, LOADED_MODEL);
	if (error)
		return error;
	error = explain(context, words, &loaded);
	loaded_close(&loaded);
	return error;
}
