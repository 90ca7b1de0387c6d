/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The fields of every kind, as tables. */
#ifndef NPCTL_MANIFEST_SCHEMA_KINDS_H
#define NPCTL_MANIFEST_SCHEMA_KINDS_H

#include <jansson.h>
#include <stdbool.h>

enum type {
	TYPE_ANY,
	TYPE_TEXT,
	TYPE_NUMBER,
	TYPE_BOOLEAN,
	TYPE_PORT,   /* a number, or a name */
	TYPE_LABELS, /* keys are label keys, values texts of `form` */
	TYPE_OBJECT,
	TYPE_OBJECTS,
	TYPE_TEXTS,
	TYPE_WORDS, /* texts or numbers, one or a list of them */
};

enum form {
	FORM_ANY,
	FORM_DNS_LABEL,
	FORM_DNS_SUBDOMAIN,
	FORM_LABEL_KEY,
	FORM_LABEL_VALUE,
	FORM_PORT_NAME,
	FORM_CIDR,
	FORM_ADDRESS,
	FORM_DOMAIN,
	FORM_SHORT,
	FORM_INTERFACE,
	FORM_RANGE, /* a prefix, or an address alone */
	FORM_PORTS, /* as one-line rules write them */
	FORM_USER,
	FORM_WINDOW, /* of the day */
};

struct field {
	const char *name;
	enum type type;
	const struct schema *schema;
	bool required;
	enum form form;
	long least, most; /* of a number, or how many elements (most 0: any) */
	const char *choices;
};

struct schema {
	const struct field *fields; /* ends with a NULL name */
	bool open;		    /* other fields are none of our business */
	bool strict;		    /* they are an error, not just warned of */
	bool exactly_one, at_least_one;
	/* What is wrong with the fields together, or NULL. */
	const char *(*check)(const json_t *object);
};

/* NULL when npctl does not know the kind in that API version. */
const struct schema *schema_of_kind(const char *kind, const char *version);

#endif
