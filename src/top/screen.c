// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "top/top.h"
#include <curses.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#define LEAST_LINES 10
#define LEAST_COLUMNS 40

static SCREEN *terminal;
static pid_t owner;
static bool colours;

void screen_close(void)
{
	if (!terminal || owner != getpid())
		return;
	endwin();
	crash_end();
	terminal = NULL;
}

int screen_open(const struct context *context)
{
	static bool registered;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return fail("top needs a terminal");
	crash_remember();
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal)
		return fail("terminal \"%s\" is not known", getenv("TERM") ? getenv("TERM") : "");
	owner = getpid();
	crash_begin();
	if (!registered)
		atexit(screen_close);
	registered = true;
	cbreak();
	noecho();
	curs_set(0);
	set_escdelay(25);
	keypad(stdscr, TRUE);
	timeout(50);
	colours = context->out.colour && has_colors();
	if (!colours)
		return 0;
	start_color();
	use_default_colors();
	init_pair(GREEN, COLOR_GREEN, -1);
	init_pair(RED, COLOR_RED, -1);
	init_pair(YELLOW, COLOR_YELLOW, -1);
	init_pair(CYAN, COLOR_CYAN, -1);
	return 0;
}

static attr_t attribute(enum paint paint)
{
	if (paint == PLAIN)
		return A_NORMAL;
	if (paint == BOLD)
		return A_BOLD;
	if (paint == DIM)
		return A_DIM;
	return colours ? COLOR_PAIR(paint) : A_NORMAL;
}

/* The bytes of `text` that fit in so many columns. */
static int clip(const char *text, int columns)
{
	mbstate_t state = {0};
	const char *at = text;
	wchar_t wide;

	while (*at) {
		size_t length = mbrtowc(&wide, at, MB_CUR_MAX, &state);
		int width;

		if (length == (size_t)-1 || length == (size_t)-2)
			break;
		width = wcwidth(wide);
		columns -= width > 0 ? width : 0;
		if (columns < 0)
			break;
		at += length;
	}
	return (int)(at - text);
}

/* One line in a field of a pane. */
static void put(int line, int column, int width, attr_t attributes, const char *format, ...)
    PRINTF(5, 6);
static void put(int line, int column, int width, attr_t attributes, const char *format, ...)
{
	va_list arguments;
	char *text;
	int status;

	if (width <= 0 || line >= LINES)
		return;
	va_start(arguments, format);
	status = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (status < 0)
		return;
	attrset(attributes);
	mvaddnstr(line, column, text, clip(text, width));
	attrset(A_NORMAL);
	free(text);
}

static void title(int line, int column, int width, const char *text)
{
	put(line, column, width, A_REVERSE, "%-*s", width, text);
}

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static double number_of(const json_t *row, const char *key)
{
	return json_number_value(json_object_get(row, key));
}

static enum paint state_paint(const char *state)
{
	if (!strncmp(state, "policy", 6))
		return GREEN;
	if (!strcmp(state, "open") || !strcmp(state, "unattached"))
		return YELLOW;
	return RED;
}

/* All that fit; when some do not, the last line says so. */
static void draw_endpoints(const struct top *top, int line, int lines, int width)
{
	size_t count = json_array_size(top->look.endpoints), shown = count;
	int name = width - 28 > 4 ? width - 28 : 4;
	json_t *row;
	size_t i;

	title(line++, 0, width, " ENDPOINTS");
	lines--;
	if (count > (size_t)lines)
		shown = lines - 1;
	if (!count)
		put(line, 1, width - 1, attribute(DIM), "no pods: press u to set up");
	json_array_foreach (top->look.endpoints, i, row) {
		const char *state = text_of(row, "state"), *pod = text_of(row, "pod");

		if (i == shown)
			break;
		if (!strncmp(pod, "default/", 8))
			pod += 8;
		put(line, 1, name, 0, "%s", pod);
		put(line, name + 2, 15, 0, "%s", text_of(row, "address"));
		put(line++, name + 18, width - name - 18, attribute(state_paint(state)), "%s",
		    state);
	}
	if (shown < count)
		put(line, 1, width - 2, attribute(DIM), "and %zu more", count - shown);
}

/* Shares of a processor, the last on the right, in eighths of the highest. */
static void draw_graph(const struct history *history, int line, int column, int width)
{
	static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	unsigned int kept = history->count < HISTORY ? history->count : HISTORY;
	unsigned int shown = (unsigned int)width < kept ? (unsigned int)width : kept;
	float highest = 0;

	for (unsigned int i = 0; i < shown; i++) {
		float share = history->past[(history->count - 1 - i) % HISTORY];

		highest = share > highest ? share : highest;
	}
	for (unsigned int i = 0; i < shown; i++) {
		float share = history->past[(history->count - 1 - i) % HISTORY];
		int bar = highest > 0 ? (int)(share / highest * 7 + 0.5f) : 0;

		put(line, column + width - 1 - (int)i, 1, attribute(CYAN), "%s",
		    share > 0 ? bars[bar] : " ");
	}
}

/* The containers' programs are told apart by how their names end. */
static const char *short_name(const char *name, int width)
{
	static const char prefix[] = "container_";
	const size_t length = sizeof(prefix) - 1;

	return strlen(name) > (size_t)width && !strncmp(name, prefix, length) ? name + length
									      : name;
}

/* Those that have run come first. */
static void draw_programs(const struct top *top, int line, int lines, int column, int width)
{
	int last = line + lines, name = width < 60 ? 11 : 18;
	char *head = xprintf(" %-*s   ns runs/s  cpu%%", name, "PROGRAMS");

	title(line++, column, width, head);
	free(head);
	if (!top->look.loaded)
		put(line, column + 1, width - 1, attribute(DIM), "not loaded");
	for (int idle = 0; idle < 2 && top->look.loaded; idle++)
		for (size_t i = 0; i < top->programs && line < last; i++) {
			const struct history *history = &top->history[i];

			if ((history->runs == 0) != (idle == 1))
				continue;
			put(line, column + 1, name, 0, "%s", short_name(history->name, name));
			put(line, column + name + 2, 17, 0, "%4.0f %6s %5.2f", history->ns_per_run,
			    human_count((uint64_t)(history->runs_per_second + 0.5)),
			    history->share * 100);
			draw_graph(history, line++, column + name + 20, width - name - 21);
		}
}

/* A one-line rule without what its columns say; freed by the caller. */
static char *rule_text(const json_t *row)
{
	const char *name = text_of(row, "rule");
	const char *rest = strstr(name, text_of(row, "direction"));
	long id = rule_id(row);

	return id && rest ? xprintf("rule %ld%s", id, rest + strlen(text_of(row, "direction")))
			  : xstrdup(name);
}

static void draw_rule(const json_t *row, int line, bool selected)
{
	const char *verdict = text_of(row, "verdict");
	int name = COLS - 54;
	char *text = rule_text(row);

	put(line, 0, 1, A_BOLD, "%s", selected ? ">" : " ");
	put(line, 1, name, selected ? A_BOLD : 0, "%s", text);
	free(text);
	put(line, name + 2, 9, 0, "%s", text_of(row, "tier"));
	put(line, name + 12, 5, attribute(strcmp(verdict, "allow") ? RED : GREEN), "%s", verdict);
	put(line, name + 18, 7, 0, "%s", text_of(row, "direction"));
	put(line, name + 26, 27, 0, "%8s %8.1f %9s",
	    human_count((uint64_t)number_of(row, "packets")), number_of(row, "per_second"),
	    human_bytes((uint64_t)number_of(row, "bytes")));
}

/* The selected one is among them. */
static void scroll_rules(struct top *top, size_t count, size_t room)
{
	ssize_t selected = rule_selected(top);

	top->rule_lines = (int)room;
	if (selected >= 0 && (size_t)selected < top->first_rule)
		top->first_rule = selected;
	if (selected >= 0 && (size_t)selected >= top->first_rule + room)
		top->first_rule = selected + 1 - room;
	if (top->first_rule + room > count)
		top->first_rule = count > room ? count - room : 0;
}

static void draw_rules(struct top *top, int line, int lines)
{
	size_t count = json_array_size(top->look.rules), room = lines - 1;
	char *head = xprintf(" %-*s %-9s %-5s %-7s %8s %8s %9s", COLS - 54, "RULES", "TIER", "SAYS",
			     "DIR", "PACKETS", "/S", "BYTES");

	title(line++, 0, COLS, head);
	free(head);
	scroll_rules(top, count, room);
	if (!count)
		put(line, 1, COLS - 1, attribute(DIM), "no rules are in force");
	for (size_t i = 0; i < room && top->first_rule + i < count; i++)
		draw_rule(json_array_get(top->look.rules, top->first_rule + i), line++,
			  (ssize_t)(top->first_rule + i) == rule_selected(top));
}

/* The newest at the bottom. */
static void draw_log(const struct top *top, int line, int lines)
{
	uint64_t n = top->paused ? top->paused_at : top->log.count;
	char *head = xprintf(" EVENTS%s%s%s%s", *top->filter ? "  with \"" : "", top->filter,
			     *top->filter ? "\"" : "", top->paused ? "  PAUSED" : "");
	uint64_t wanted[LOG_LINES];
	int found = 0;

	title(line++, 0, COLS, head);
	free(head);
	while (n-- > 0 && found < lines - 1) {
		const struct log_line *one = log_get(&top->log, n);

		if (!one)
			break;
		if (log_matches(one, top->filter))
			wanted[found++] = n;
	}
	while (found-- > 0) {
		const struct log_line *one = log_get(&top->log, wanted[found]);

		put(line++, 0, COLS, attribute(one->paint), "%s", one->text);
	}
}

static void draw_top(const struct top *top)
{
	const struct look *look = &top->look;
	const char *state = look->trouble ? look->trouble : !look->loaded ? "not loaded" : "loaded";
	time_t seconds = time(NULL);
	struct tm local;

	localtime_r(&seconds, &local);
	put(0, 0, COLS - 10, A_BOLD, "npctl top  %s", top->context->root);
	put(0, 13 + (int)strlen(top->context->root), COLS - 23 - (int)strlen(top->context->root),
	    attribute(look->trouble  ? RED
		      : look->loaded ? GREEN
				     : YELLOW),
	    "%s", state);
	put(0, COLS - 8, 8, A_BOLD, "%02d:%02d:%02d", local.tm_hour, local.tm_min, local.tm_sec);
}

static void sum_rules(const struct top *top, uint64_t packets[2], double per_second[2])
{
	json_t *row;
	size_t i;

	json_array_foreach (top->look.rules, i, row) {
		bool allow = !strcmp(text_of(row, "verdict"), "allow");

		packets[allow] += (uint64_t)number_of(row, "packets");
		per_second[allow] += number_of(row, "per_second");
	}
}

static void draw_status(const struct top *top)
{
	uint64_t packets[2] = {0};
	double per_second[2] = {0};

	sum_rules(top, packets, per_second);
	if (top->prompt.label)
		put(LINES - 2, 0, COLS, A_BOLD, "%s%s_", top->prompt.label, top->prompt.text);
	else
		put(LINES - 2, 0, COLS, attribute(DIM),
		    "u up x down 1 2 test a allow d deny t turn c clear f filter p pause s save ?");
	title(LINES - 1, 0, COLS, "");
	put(LINES - 1, 0, COLS, A_REVERSE,
	    " allowed %s (%.1f/s)  denied %s (%.1f/s)  events %s  lost %s%s",
	    human_count(packets[1]), per_second[1], human_count(packets[0]), per_second[0],
	    human_count(top->events[0] + top->events[1]), human_count(top->lost),
	    job_runs(&top->job) ? "  WORKING" : "");
}

static void draw_help(void)
{
	int line = 1;

	for (const char *const *text = key_help; *text && line < LINES - 2; text++)
		put(line++, 2, COLS - 2, 0, "%s", *text);
}

static void draw_panes(struct top *top)
{
	int left = COLS / 2, body = LINES - 3;
	int first = body / 4 > 4 ? body / 4 : 4, second = body / 3 > 4 ? body / 3 : 4;

	if (first > 10)
		first = 10;
	draw_endpoints(top, 1, first, left);
	draw_programs(top, 1, first, left, COLS - left);
	draw_rules(top, 1 + first, second);
	draw_log(top, 1 + first + second, body - first - second);
}

void screen_draw(struct top *top)
{
	erase();
	if (LINES < LEAST_LINES || COLS < LEAST_COLUMNS) {
		put(0, 0, COLS, 0, "too small");
	} else {
		draw_top(top);
		if (top->help)
			draw_help();
		else
			draw_panes(top);
		draw_status(top);
	}
	refresh();
	top->changed = false;
}

static void save_screen(FILE *file)
{
	char *text = xalloc(COLS * MB_CUR_MAX + 1);

	for (int line = 0; line < LINES - 2; line++) {
		int length = mvinnstr(line, 0, text, COLS * (int)MB_CUR_MAX);

		while (length > 0 && text[length - 1] == ' ')
			length--;
		fprintf(file, "%.*s\n", length > 0 ? length : 0, text);
	}
	free(text);
}

int screen_save(struct top *top, const char *name)
{
	uint64_t n = top->log.count > LOG_LINES ? top->log.count - LOG_LINES : 0;
	FILE *file = fopen(name, "ae");
	int error;

	if (!file)
		return fail("save to \"%s\": %s", name, strerror(errno));
	screen_draw(top);
	save_screen(file);
	fputs("\nall events\n", file);
	for (; n < top->log.count; n++) {
		const struct log_line *line = log_get(&top->log, n);

		if (line)
			fprintf(file, "%s\n", line->text);
	}
	error = ferror(file) ? EIO : 0;
	if (fclose(file))
		error = errno;
	return error ? fail("save to \"%s\": %s", name, strerror(error)) : 0;
}
