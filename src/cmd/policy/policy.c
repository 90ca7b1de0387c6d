/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cmd/policy/policy.h"

static const struct verb verbs[] = {
    {"allow", "PEER…", "let a peer through, and thereby deny the rest", 0, -1, policy_line_options,
     policy_allow, "PEER"},
    {"deny", "PEER…", "keep a peer out", 0, -1, policy_line_options, policy_deny, "PEER"},
    {"turn", "ID…", "turn rules around: allow becomes deny, deny allow", 1, -1, policy_open_option,
     policy_turn, "POLICY"},
    {"default", "allow|deny|auto", "what happens where nothing else decides", 1, 1,
     policy_default_options, policy_default, "allow|deny|auto"},
    {"preset", "[NAME]", "put the rules of a preset in force, or show what there is", 0, 1,
     policy_preset_options, policy_preset, "PRESET"},
    {"refresh", "", "look up anew the names that rules speak of, users, and the time zone", 0, 0,
     NULL, policy_refresh, NULL},
    {"apply", "", "take in manifests, all or none", 0, 0, policy_apply_options, policy_apply, NULL},
    {"list", "", "every rule, in the order of judgement, with its hits", 0, 0, policy_list_options,
     policy_list, NULL},
    {"delete", "ID|POLICY…", "take rules or policies away", 0, -1, policy_delete_options,
     policy_delete, "POLICY"},
    {"show", "[POLICY]", "the rules of one policy, or of one pod, with their hits", 0, 1,
     policy_show_options, policy_show, "POLICY"},
    {"explain", "", "the verdict on a packet, and every reason for it", 0, 0,
     policy_explain_options, policy_explain, NULL},
    {"lint", "", "what is probably not what its author meant", 0, 0, policy_lint_options,
     policy_lint, NULL},
    {"diff", "OLD NEW", "which verdicts change between two sets of manifests", 2, 2,
     policy_diff_options, policy_diff, "FILE FILE"},
    {"verify", "", "documents, plan, maps and programs, compared word for word", 0, 0,
     policy_verify_options, policy_verify, NULL},
    {"wait", "", "return when the last change is enforced at every subject", 0, 0,
     policy_wait_options, policy_wait, NULL},
    {"export", "[POLICY…]", "policies and rules as manifests", 0, -1, policy_export_options,
     policy_export, "POLICY"},
    {0},
};

const struct command command_policy = {"policy",
				       "rules and policies, and why they decide as they do", verbs};
