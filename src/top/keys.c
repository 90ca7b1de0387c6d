// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "top/top.h"
#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ESCAPE 27
#define DELETE 127

const char *const key_help[] = {
    "u      set up: topo up, load, attach the pods that serve",
    "x      take down: load --unload, topo down",
    "1      test connect from the allowed pod to the backend",
    "2      test connect from the denied pod",
    "a      allow a peer, and thereby deny the rest (policy allow)",
    "d      deny a peer (policy deny)",
    "t      turn the selected rule around: allow or deny (policy turn)",
    "c      clear: delete all rules and policies",
    "f      show only events with these words; with none, all",
    "p      pause the events, or go on",
    "s      save the screen and all events to a file",
    ":      any other command, as behind npctl",
    "arrows select a rule; Page Up and Down, Home and End, too; Esc: none",
    "^L     draw the screen anew",
    "?      this help, or back",
    "q      quit",
    "",
    "Endpoints: policy = rules judge it; open = attached, but nothing is denied;",
    "unattached = no program looks at its packets; in red, what of it is missing.",
    "Graphs: share of a processor, one bar a look, the newest on the right.",
    NULL,
};

static void ask(struct top *top, const char *label, void (*done)(void *data, const char *text))
{
	top->prompt = (struct prompt){.label = label, .done = done};
}

/* The servers: the default lab has one. When no pod serves, all of them. */
static void attach_pods(void *data)
{
	struct top *top = data;
	size_t i, servers = 0;
	json_t *row;

	look_now(top);
	top->job.then = NULL;
	json_array_foreach (top->look.endpoints, i, row)
		servers += json_array_size(json_object_get(row, "ports")) > 0;
	json_array_foreach (top->look.endpoints, i, row)
		if (!servers || json_array_size(json_object_get(row, "ports")))
			job_add(&top->job, "attach pod",
				json_string_value(json_object_get(row, "pod")), NULL);
}

/* A topology of the user's own is not replaced by the default one. */
static void set_up(struct top *top)
{
	if (!top->look.has_topology)
		job_add(&top->job, "topo up", NULL);
	job_add(&top->job, "load", NULL);
	top->job.then = attach_pods;
	top->job.data = top;
}

static void add_rule(struct top *top, const char *verb, const char *port)
{
	if (*port)
		job_add(&top->job, "policy", verb, top->peer, "--port", port, NULL);
	else
		job_add(&top->job, "policy", verb, top->peer, NULL);
}

static void allow(void *data, const char *port)
{
	add_rule(data, "allow", port);
}

static void deny(void *data, const char *port)
{
	add_rule(data, "deny", port);
}

static void take_peer(struct top *top, const char *peer, const char *label,
		      void (*done)(void *data, const char *text))
{
	free(top->peer);
	top->peer = xstrdup(peer);
	if (*peer)
		ask(top, label, done);
}

static void allow_peer(void *data, const char *peer)
{
	take_peer(data, peer, "allow it on which port (80, tcp/80; none: all): ", allow);
}

static void deny_peer(void *data, const char *peer)
{
	take_peer(data, peer, "deny it on which port (80, tcp/80; none: all): ", deny);
}

static void clear_rules(void *data, const char *answer)
{
	struct top *top = data;

	if (*answer == 'y')
		job_add(&top->job, "policy delete --all", NULL);
}

static void take_down(void *data, const char *answer)
{
	struct top *top = data;

	if (*answer != 'y')
		return;
	job_add(&top->job, "load --unload", NULL);
	if (top->look.has_topology)
		job_add(&top->job, "topo down", NULL);
}

static void turn_rule(struct top *top)
{
	ssize_t index = rule_selected(top);
	long id = index < 0 ? 0 : rule_id(json_array_get(top->look.rules, index));
	char number[24];

	snprintf(number, sizeof(number), "%ld", id);
	if (id)
		job_add(&top->job, "policy turn", number, NULL);
	else
		log_add(&top->log, RED, "npctl: select a one-line rule with the arrows first");
}

/* By so many rules; from none the first. */
static void select_rule(struct top *top, ssize_t by)
{
	ssize_t count = json_array_size(top->look.rules), index = rule_selected(top);

	if (!count)
		return;
	index = index < 0 ? 0 : index + by;
	index = index < 0 ? 0 : index >= count ? count - 1 : index;
	free(top->selected);
	top->selected = rule_key(json_array_get(top->look.rules, index));
}

static void set_filter(void *data, const char *text)
{
	struct top *top = data;

	strcpy(top->filter, text);
}

static void save(void *data, const char *name)
{
	struct top *top = data;

	if (!*name)
		return;
	if (screen_save(top, name))
		log_add(&top->log, RED, "npctl: %s", failure());
	else
		log_add(&top->log, CYAN, "> saved to %s", name);
	failure_clear();
}

static void run_words(void *data, const char *words)
{
	struct top *top = data;
	const char *first = words + strspn(words, " ");

	if (!*first)
		return;
	if (!strncmp(first, "top", 3) && (!first[3] || first[3] == ' '))
		log_add(&top->log, RED, "npctl: this is top");
	else
		job_add(&top->job, words, NULL);
}

static void pause_events(struct top *top)
{
	top->paused = !top->paused;
	top->paused_at = top->log.count;
}

static void prompt_end(struct top *top, bool taken)
{
	struct prompt prompt = top->prompt;

	top->prompt.label = NULL;
	if (taken)
		prompt.done(top, prompt.text);
}

/* The last character, which may be several bytes. */
static void prompt_shorten(struct prompt *prompt)
{
	size_t length = strlen(prompt->text);

	while (length > 0 && (prompt->text[--length] & 0xc0) == 0x80)
		;
	prompt->text[length] = '\0';
}

static void prompt_key(struct top *top, int key)
{
	struct prompt *prompt = &top->prompt;
	size_t length = strlen(prompt->text);
	bool is_text = key >= ' ' && key < 256 && key != DELETE;

	if (is_text && length + 1 < sizeof(prompt->text)) {
		prompt->text[length] = (char)key;
		prompt->text[length + 1] = '\0';
	}
	if (key == ESCAPE)
		prompt_end(top, false);
	else if (key == '\n' || key == '\r' || key == KEY_ENTER || (prompt->one_key && is_text))
		prompt_end(top, true);
	else if (key == KEY_BACKSPACE || key == DELETE || key == '\b')
		prompt_shorten(prompt);
	else if (key == 'U' - '@')
		prompt->text[0] = '\0';
}

static void command_key(struct top *top, int key)
{
	switch (key) {
	case 'u':
		set_up(top);
		break;
	case 'x':
		ask(top, "unload npctl and take the lab down? (y/n) ", take_down);
		top->prompt.one_key = true;
		break;
	case 't':
		turn_rule(top);
		break;
	case '1':
		job_add(&top->job, "test connect --from allowed --to backend --port tcp/8080",
			NULL);
		break;
	case '2':
		job_add(&top->job, "test connect --from denied --to backend --port tcp/8080", NULL);
		break;
	case 'a':
		ask(top, "allow which peer (address, prefix, pod): ", allow_peer);
		break;
	case 'd':
		ask(top, "deny which peer (address, prefix, pod): ", deny_peer);
		break;
	case 'c':
		ask(top, "delete all rules and policies? (y/n) ", clear_rules);
		top->prompt.one_key = true;
		break;
	case 's':
		ask(top, "save to which file: ", save);
		strcpy(top->prompt.text, "npctl-top.txt");
		break;
	case ':':
		ask(top, "npctl ", run_words);
		break;
	}
}

static void view_key(struct top *top, int key)
{
	switch (key) {
	case 'f':
		ask(top, "only events with these words: ", set_filter);
		strcpy(top->prompt.text, top->filter);
		break;
	case 'p':
		pause_events(top);
		break;
	case '?':
	case 'h':
		top->help = !top->help;
		break;
	case ESCAPE:
		top->help = false;
		free(top->selected);
		top->selected = NULL;
		break;
	case 'q':
		top->ended = true;
		break;
	case 'L' - '@':
		clearok(stdscr, TRUE);
		break;
	}
}

static void move_key(struct top *top, int key)
{
	const ssize_t all = json_array_size(top->look.rules);

	switch (key) {
	case KEY_UP:
		select_rule(top, -1);
		break;
	case KEY_DOWN:
		select_rule(top, 1);
		break;
	case KEY_PPAGE:
		select_rule(top, -top->rule_lines);
		break;
	case KEY_NPAGE:
		select_rule(top, top->rule_lines);
		break;
	case KEY_HOME:
		select_rule(top, -all);
		break;
	case KEY_END:
		select_rule(top, 0);
		select_rule(top, all);
		break;
	}
}

void key_pressed(struct top *top, int key)
{
	top->changed = true;
	if (key == KEY_RESIZE)
		return;
	if (top->prompt.label) {
		prompt_key(top, key);
		return;
	}
	command_key(top, key);
	view_key(top, key);
	move_key(top, key);
}
