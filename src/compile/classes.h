/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which addresses the policies can tell apart. Every address carries a set of
 * elements: the class of pods it belongs to, the nodes it belongs to, the
 * blocks and lists that contain it. Addresses with equal sets are one class.
 */
#ifndef NPCTL_COMPILE_CLASSES_H
#define NPCTL_COMPILE_CLASSES_H

#include "model/model_private.h"

/* kind << 56 | id << 16 | specificity (of lists alone) */
enum element_kind {
	ELEMENT_POD = 1, /* id: class of pods */
	ELEMENT_NODE,	 /* id: node number */
	ELEMENT_PEER,	 /* id: a block, or a single pod */
	ELEMENT_LIST,	 /* id: peer */
	ELEMENT_EXCEPT,	 /* takes an ELEMENT_PEER away */
	ELEMENT_SERVICE, /* id: service, its families apart */
};

#define ELEMENT(kind, id) ((uint64_t)(kind) << 56 | (uint64_t)(id) << 16)
#define ELEMENT_KIND(element) ((enum element_kind)((element) >> 56))
#define ELEMENT_ID(element) ((uint32_t)((element) >> 16 & 0xffffffff))
#define ELEMENT_SPECIFICITY(element) ((uint16_t)(element))

/* Pods that no policy can tell apart: namespace, labels, ports. */
struct pod_class {
	const struct pod *pod; /* one of them */
	uint32_t namespace;    /* into model->namespaces */
	struct signature signature, ports;
};

struct class
{
	uint32_t first, count; /* into elements */
	uint32_t pod_class;    /* or LOOKUP_NONE */
};

struct classes {
	const struct model *model;
	struct pod_class *pod_classes;
	size_t pod_class_count, pod_class_capacity;
	uint32_t *pod_class_of; /* by pod; LOOKUP_NONE for hostNetwork */
	struct list32 *of_namespace;

	struct lookup nodes; /* name -> node number; 0 is this one */
	const char **node_names;
	size_t node_count, node_capacity;

	bool *peer_used;
	uint16_t canonical[SPECIFICITY_WHOLE + 1];

	struct class *item; /* [0] is the world */
	size_t count;
	uint64_t *elements;

	struct list32 *of_pod_class, *of_node, *of_peer; /* classes that have the element */

	struct plan_bound4 *bounds4;
	struct plan_bound6 *bounds6;
	size_t bound4_count, bound6_count;
};

int classes_make(struct classes *classes, const struct model *model);
void classes_release(struct classes *classes);

uint32_t classes_node(struct classes *classes, const char *name); /* makes it */
uint64_t class_element(const struct classes *classes, uint32_t class, enum element_kind kind,
		       uint32_t id); /* 0: it has none */
char *class_name(const struct classes *classes, uint32_t class);
struct signature class_signature(const struct classes *classes, uint32_t class);

/* The sweep over all prefixes of one family. */
struct point {
	uint64_t element;
	uint64_t high, low; /* first address, host order; IPv4 in the upper half of high */
	uint8_t length;
};

struct points {
	struct point *item;
	size_t count, capacity;
};

/* The distinct element sets met so far. */
struct element_sets {
	struct class *item;
	size_t count, capacity;
	uint64_t *elements;
	size_t element_count, element_capacity;
	struct lookup known, steps;
};

struct bound {
	uint64_t high, low;
	uint32_t set;
};

struct bounds {
	struct bound *item;
	size_t count, capacity;
};

void points_add(struct points points[2], const struct prefix *prefix, uint64_t element);
/* Sorts `points`; bounds name sets of `sets`, where 0 is the empty one. */
void sweep(struct points *points, struct element_sets *sets, struct bounds *bounds);

#endif
