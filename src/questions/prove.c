/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Proofs over a plan: every class, every pod, every port; not samples. */
#include <stdlib.h>
#include "model/model_private.h"
#include "questions/reach.h"

struct claim {
	const char *word; /* deny, allow, isolated */
	struct peer *from, *to;
	struct port_item ports[64];
	size_t port_count;
	bool all_but; /* every port but `ports` */
	bool directions[DIRECTIONS];
};

struct proof {
	struct model *model;
	const struct plan *plan;
	struct claim claim;
	json_t *counterexample;
};

static bool speaks_of(const struct claim *claim, uint32_t key)
{
	for (size_t i = 0; i < claim->port_count; i++)
		if (claim->ports[i].first <= key && key <= claim->ports[i].last)
			return !claim->all_but;
	return claim->all_but || !claim->port_count;
}

/* The next key at which the claim's own ports begin or end. */
static uint32_t claim_next(const struct claim *claim, uint32_t key)
{
	uint32_t next = PORT_KEY_LAST + 1;

	for (size_t i = 0; i < claim->port_count; i++) {
		uint32_t edges[] = {claim->ports[i].first, claim->ports[i].last + 1};

		for (size_t j = 0; j < ARRAY_SIZE(edges); j++)
			if (edges[j] > key && edges[j] < next)
				next = edges[j];
	}
	return next;
}

static void show(struct proof *proof, const struct party *from, const struct party *to,
		 uint32_t key, uint32_t egress, uint32_t ingress, bool allow)
{
	struct matrix_probe probe = {
	    .from = *from,
	    .to = *to,
	    .protocol = (uint8_t)(key >> 16),
	    .family = from->address.family,
	    .port = (uint16_t)key,
	    .egress = egress,
	    .ingress = ingress,
	    .allow = allow,
	};

	proof->counterexample = probe_row(&probe, proof->plan, NULL);
}

/* Prefers a protocol that people send as the witness. */
static bool is_plain(uint32_t key)
{
	return key >> 16 == 6 || key >> 16 == 17;
}

static void try_pair(struct proof *proof, const struct party *from, const struct party *to)
{
	const struct claim *claim = &proof->claim;
	bool wanted = strcmp(claim->word, "allow") == 0;
	struct path path;
	uint32_t key = 0;

	path_find(&path, proof->plan, from, to);
	while (key <= PORT_KEY_LAST) {
		uint32_t path_key = path_next(&path, key), own = claim_next(claim, key);
		uint32_t next = path_key < own ? path_key : own, witness = key, egress, ingress;
		bool allow = path_judge(&path, key, &egress, &ingress);

		if (witness < PORT_KEY(6, 80) && PORT_KEY(6, 80) < next)
			witness = PORT_KEY(6, 80);
		if (allow != wanted && speaks_of(claim, key) &&
		    (!proof->counterexample || is_plain(witness))) {
			json_decref(proof->counterexample);
			show(proof, from, to, witness, egress, ingress, allow);
			if (is_plain(witness))
				return;
		}
		key = next;
	}
}

static bool same_pod(const struct party *a, const struct party *b)
{
	return a->pod && a->pod == b->pod;
}

static void prove_family(struct proof *proof, uint8_t family)
{
	struct parties from = {0}, to = {0};

	parties_find(&from, proof->model, proof->plan, proof->claim.from, family);
	parties_find(&to, proof->model, proof->plan, proof->claim.to, family);
	for (size_t i = 0; i < from.count; i++)
		for (size_t j = 0; j < to.count && !proof->counterexample; j++)
			if (!same_pod(&from.item[i], &to.item[j]) &&
			    (from.item[i].subject >= 0 || to.item[j].subject >= 0))
				try_pair(proof, &from.item[i], &to.item[j]);
	parties_release(&from);
	parties_release(&to);
}

static bool ends_in_default_allow(const struct plan *plan, const struct plan_table *table,
				  uint32_t *key)
{
	for (uint32_t i = 0; i < table->count; i++) {
		const struct plan_rule *rule =
		    &plan->rules[plan_table_rule(plan, table, table->ranges[i].start)];

		*key = table->ranges[i].start;
		if (rule->tier == TIER_DEFAULT && rule->allow)
			return true;
	}
	return false;
}

/* Isolated: nothing passes in that direction only because nothing speaks of it. */
static void try_isolated(struct proof *proof, const struct party *pod, const struct party *other,
			 enum direction direction)
{
	const struct party *from = direction == EGRESS ? pod : other;
	const struct party *to = direction == EGRESS ? other : pod;
	const struct plan_table *table;
	struct path path;
	uint32_t key, egress, ingress;
	bool allow;

	path_find(&path, proof->plan, from, to);
	table = direction == EGRESS ? path.egress : path.ingress;
	if (!table || !ends_in_default_allow(proof->plan, table, &key))
		return;
	if (key < PORT_KEY(6, 80) && plan_table_rule(proof->plan, table, PORT_KEY(6, 80)) ==
					 plan_table_rule(proof->plan, table, key))
		key = PORT_KEY(6, 80);
	allow = path_judge(&path, key, &egress, &ingress);
	show(proof, from, to, key, egress, ingress, allow);
}

static void prove_isolated(struct proof *proof, uint8_t family)
{
	struct parties pods = {0}, others = {0};
	struct peer any = {.kind = PEER_ANY};

	parties_find(&pods, proof->model, proof->plan, proof->claim.from, family);
	parties_find(&others, proof->model, proof->plan, &any, family);
	for (size_t i = 0; i < pods.count; i++)
		for (size_t j = 0; j < others.count; j++)
			for (int direction = 0; direction < DIRECTIONS; direction++)
				if (!proof->counterexample && pods.item[i].subject >= 0 &&
				    proof->claim.directions[direction])
					try_isolated(proof, &pods.item[i], &others.item[j],
						     (enum direction)direction);
	parties_release(&pods);
	parties_release(&others);
}

static int read_ports(struct claim *claim, const json_t *body, const char *name, const char *where)
{
	const json_t *array = field_get(body, name);
	size_t index, count;
	json_t *value;

	json_array_foreach (array, index, value) {
		const char *text = json_string_value(value);

		if (claim->port_count + 2 > ARRAY_SIZE(claim->ports))
			return fail("%s: more ports than %zu", where, ARRAY_SIZE(claim->ports) - 1);
		if (!text || port_item_parse(text, &claim->ports[claim->port_count], &count))
			return fail("%s: \"%s\" is no port such as tcp/80", where,
				    text ? text : "?");
		claim->port_count += count;
	}
	return 0;
}

static int read_peer(struct model *model, const json_t *body, const char *name, const char *where,
		     struct peer **peer)
{
	const char *text = field_text(body, name, NULL);
	uint32_t index;

	if (!text)
		return fail("%s: %s is missing", where, name);
	if (peer_from_text(model, text, &index))
		return FAILED;
	*peer = model->peers.item[index];
	return 0;
}

static int read_claim(struct proof *proof, const json_t *rule, const char *where)
{
	static const char *const words[] = {"deny", "allow", "isolated"};
	struct claim *claim = &proof->claim;
	const json_t *body = NULL;
	const char *direction;

	for (size_t i = 0; i < ARRAY_SIZE(words) && !body; i++) {
		claim->word = words[i];
		body = field_get(rule, words[i]);
	}
	if (!json_is_object(body))
		return fail("%s: expected deny, allow or isolated with what it is about", where);
	if (strcmp(claim->word, "isolated") == 0) {
		direction = field_text(body, "direction", "");
		claim->directions[INGRESS] = strcmp(direction, "egress") != 0;
		claim->directions[EGRESS] = strcmp(direction, "ingress") != 0;
		return read_peer(proof->model, body, "pods", where, &claim->from);
	}
	claim->all_but = field_get(body, "except") != NULL;
	if (read_peer(proof->model, body, "from", where, &claim->from) ||
	    read_peer(proof->model, body, "to", where, &claim->to))
		return FAILED;
	return read_ports(claim, body, claim->all_but ? "except" : "ports", where);
}

static int prove_one(struct proof *proof, const json_t *rule, const char *where)
{
	if (read_claim(proof, rule, where))
		return FAILED;
	for (uint8_t family = 4; family <= 6 && !proof->counterexample;
	     family = (uint8_t)(family + 2)) {
		if (strcmp(proof->claim.word, "isolated") == 0)
			prove_isolated(proof, family);
		else
			prove_family(proof, family);
	}
	return 0;
}

int prove(struct model *model, const struct plan *plan, const json_t *rules, const char *where,
	  json_t **rows)
{
	size_t index;
	json_t *rule;

	if (!json_is_array(rules))
		return fail("%s: expected a list of assertions", where);
	*rows = json_array();
	json_array_foreach (rules, index, rule) {
		struct proof proof = {.model = model, .plan = plan};
		char *place = xprintf("%s: assertion %zu", where, index + 1);
		char *text = json_dumps(rule, JSON_SORT_KEYS);
		int result = prove_one(&proof, rule, place);
		json_t *row =
		    json_pack("{s:s, s:b}", "rule", field_text(rule, "name", text ? text : ""),
			      "holds", !proof.counterexample);

		if (proof.counterexample)
			json_object_set_new(row, "counterexample", proof.counterexample);
		json_array_append_new(*rows, row);
		free(place);
		free(text);
		if (result) {
			json_decref(*rows);
			*rows = NULL;
			return FAILED;
		}
	}
	return 0;
}
