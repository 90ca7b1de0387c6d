// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who comes before whom: an administrator's Pass, one-line rules, defaults of one
 * and of all, lists that overlap, and the pods behind a service.
 */
#include "unit.h"
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "model/model.h"

#define POD(name, address)                                                            \
	"{'apiVersion':'v1','kind':'Pod','metadata':{'name':'" name "','namespace':'" \
	"default','labels':{'app':'" name "'}},'spec':{'containers':[{'name':'c','"   \
	"image':'i'}]},'status':{'podIP':'" address "','podIPs':[{'ip':'" address "'}]}}"
#define WEB "10.0.0.10"
#define CLIENT "10.0.0.20"
#define RULE(id, action, direction, peer)                                          \
	"{'kind':'Rule','id':" id ",'action':'" action "','direction':'" direction \
	"','peer':" peer "}"
#define LIST(name, prefixes) "{'kind':'CidrList','name':'" name "','cidrs':'" prefixes "'}"

/* Whether the documents, up to a NULL, let default/web and the peer speak. */
static bool allows(enum direction direction, const char *peer, const char *const *documents)
{
	struct model *model = model_new();
	struct plan *plan = NULL;
	struct address address;
	uint32_t rule;
	bool answer;

	for (; *documents; documents++) {
		char *text = xstrdup(*documents), *quote = text;
		json_t *object;

		while ((quote = strchr(quote, '\'')))
			*quote = '"';
		object = json_loads(text, 0, NULL);
		assert_non_null(object);
		assert_int_equal(model_add(model, object, "test"), 0);
		json_decref(object);
		free(text);
	}
	assert_int_equal(model_subject_add(model, "default/web"), 0);
	assert_int_equal(plan_compile(model, &plan), 0);
	assert_int_equal(address_parse(peer, &address), 0);
	rule = plan_judge(plan, (uint32_t)plan_subject_find(plan, "default/web"), direction,
			  &address, IPPROTO_TCP, 80);
	answer = plan->rules[rule].allow;
	plan_free(plan);
	model_free(model);
	return answer;
}

#define ALLOWS(direction, peer, ...) \
	allows(direction, peer, (const char *const[]){POD("web", WEB), __VA_ARGS__, NULL})

/* What an administrator leaves to the NetworkPolicies, no one-line rule decides. */
static void pass_skips_lines(void **state)
{
#define ADMIN(action)                                                                         \
	"{'apiVersion':'policy.networking.k8s.io/v1alpha1','kind':'AdminNetworkPolicy','"     \
	"metadata':{'name':'a'},'spec':{'priority':5,'subject':{'namespaces':{}},'ingress':[" \
	"{'action':'" action "','from':[{'namespaces':{}}]}]}}"
#define NETWORK_POLICY(from)                                                                   \
	"{'apiVersion':'networking.k8s.io/v1','kind':'NetworkPolicy','metadata':{'name':'n','" \
	"namespace':'default'},'spec':{'podSelector':{},'policyTypes':['Ingress'],'ingress':[" \
	"{'from':[{'podSelector':{'matchLabels':{'app':'" from "'}}}]}]}}"
#define DENY RULE("1", "deny", "ingress", "'10.0.0.20/32'")
#define ALLOW RULE("1", "allow", "ingress", "'10.0.0.20/32'")
#define OTHER POD("client", CLIENT)
	(void)state;
	assert_false(ALLOWS(INGRESS, CLIENT, OTHER, DENY, NETWORK_POLICY("client")));
	assert_true(ALLOWS(INGRESS, CLIENT, OTHER, DENY, NETWORK_POLICY("client"), ADMIN("Pass")));
	assert_true(ALLOWS(INGRESS, CLIENT, OTHER, ALLOW, NETWORK_POLICY("nobody")));
	assert_false(
	    ALLOWS(INGRESS, CLIENT, OTHER, ALLOW, NETWORK_POLICY("nobody"), ADMIN("Pass")));
	assert_false(ALLOWS(INGRESS, CLIENT, OTHER, ALLOW, ADMIN("Deny")));
}

/* The closest counts, whichever was said last. */
static void own_default(void **state)
{
#define OWN(verdict) \
	"{'kind':'Default','direction':'ingress','subject':'default/web','verdict':'" verdict "'}"
#define GENERAL(verdict) "{'kind':'Default','direction':'ingress','verdict':'" verdict "'}"
	(void)state;
	assert_false(ALLOWS(INGRESS, "192.0.2.1", OWN("deny"), GENERAL("allow")));
	assert_false(ALLOWS(INGRESS, "192.0.2.1", GENERAL("allow"), OWN("deny")));
	assert_true(ALLOWS(INGRESS, "192.0.2.1", OWN("allow"), GENERAL("deny")));
	assert_true(ALLOWS(INGRESS, "192.0.2.1", GENERAL("deny"), OWN("allow")));
	assert_false(ALLOWS(INGRESS, "192.0.2.1", GENERAL("deny")));
}

/* Of two lists the one with the longer prefix around the address decides, each time anew. */
static void lists_compete(void **state)
{
#define A LIST("a", "10.0.0.0/8\\n10.1.1.0/24\\n192.0.2.0/24")
#define B LIST("b", "10.1.0.0/16\\n192.0.2.0/24")
	static const char *const actions[] = {"allow", "deny"};
	int i, order;

	(void)state;
	for (i = 0; i < 2; i++)
		for (order = 0; order < 2; order++) {
			bool of_a = !i;
			char *a = xprintf(RULE("%d", "%s", "ingress", "{'list':'a'}"), 1 + order,
					  actions[i]);
			char *b = xprintf(RULE("%d", "%s", "ingress", "{'list':'b'}"), 2 - order,
					  actions[!i]);

			assert_int_equal(ALLOWS(INGRESS, "10.2.0.1", A, B, a, b), of_a);
			assert_int_equal(ALLOWS(INGRESS, "10.1.2.1", A, B, a, b), !of_a);
			assert_int_equal(ALLOWS(INGRESS, "10.1.1.1", A, B, a, b), of_a);
			assert_false(ALLOWS(INGRESS, "192.0.2.1", A, B, a, b));
			free(a);
			free(b);
		}
}

/* A service may be reached when all of its pods may, those with their node's address, too. */
static void service_of_nodes(void **state)
{
#define AGENT(name, node)                                                                        \
	"{'apiVersion':'v1','kind':'Pod','metadata':{'name':'" name "','namespace':'default','"  \
	"labels':{'app':'agent'}},'spec':{'hostNetwork':true,'containers':[{'name':'c','image':" \
	"'i'}]},'status':{'podIP':'" node "','podIPs':[{'ip':'" node "'}]}}"
#define SERVICE                                                                                    \
	"{'apiVersion':'v1','kind':'Service','metadata':{'name':'s','namespace':'default'},'spec'" \
	":{'clusterIP':'10.96.0.1','selector':{'app':'agent'},'ports':[{'port':80,'targetPort':"   \
	"8080}]}}"
#define TO(cidr, port)                                                                            \
	"{'apiVersion':'networking.k8s.io/v1','kind':'NetworkPolicy','metadata':{'name':'n','"    \
	"namespace':'default'},'spec':{'podSelector':{},'policyTypes':['Egress'],'egress':[{'to'" \
	":[{'ipBlock':{'cidr':'" cidr "'}}],'ports':[{'port':" port "}]}]}}"
#define FIRST AGENT("one", "192.168.0.5")
#define SECOND AGENT("two", "192.168.0.6")
	(void)state;
	assert_true(ALLOWS(EGRESS, "10.96.0.1", FIRST, SERVICE, TO("192.168.0.5/32", "8080")));
	assert_false(ALLOWS(EGRESS, "10.96.0.1", FIRST, SERVICE, TO("192.168.0.5/32", "80")));
	assert_false(ALLOWS(EGRESS, "10.96.0.1", FIRST, SERVICE, TO("192.168.0.6/32", "8080")));
	assert_false(
	    ALLOWS(EGRESS, "10.96.0.1", FIRST, SECOND, SERVICE, TO("192.168.0.5/32", "8080")));
	assert_true(
	    ALLOWS(EGRESS, "10.96.0.1", FIRST, SECOND, SERVICE, TO("192.168.0.4/30", "8080")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pass_skips_lines),
	    cmocka_unit_test(own_default),
	    cmocka_unit_test(lists_compete),
	    cmocka_unit_test(service_of_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
