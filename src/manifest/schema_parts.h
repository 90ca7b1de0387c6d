/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tables of kinds have in common. */
#ifndef NPCTL_MANIFEST_SCHEMA_PARTS_H
#define NPCTL_MANIFEST_SCHEMA_PARTS_H

#include "manifest/schema_kinds.h"

#define END                  \
	{                    \
		.name = NULL \
	}
#define PORT_RANGE .least = 1, .most = 65535
#define PROTOCOL                                                                 \
	{                                                                        \
		.name = "protocol", .type = TYPE_TEXT, .choices = "TCP|UDP|SCTP" \
	}

#define TYPE_META                                                   \
	{.name = "apiVersion", .type = TYPE_TEXT},                  \
	{                                                           \
		.name = "kind", .type = TYPE_TEXT, .required = true \
	}
#define METADATA                                                                     \
	{                                                                            \
		.name = "metadata", .type = TYPE_OBJECT, .schema = &metadata_schema, \
		.required = true                                                     \
	}

extern const struct schema metadata_schema, selector_schema;
extern const struct schema network_policy_schema, cluster_schema, admin_schema, baseline_schema;

#endif
