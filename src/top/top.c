// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "top/top.h"
#include "base/interrupt.h"
#include "watch/statistics.h"
#include <curses.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double age(const struct timespec *at)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - at->tv_sec) + (double)(now.tv_nsec - at->tv_nsec) / 1e9;
}

/* False when the terminal is gone. */
static bool take_keys(struct top *top)
{
	int key;

	errno = 0;
	key = getch();
	if (key == ERR && errno == EIO)
		return false;
	/* the first wait is the loop's; what was typed ahead is all taken */
	timeout(0);
	for (; key != ERR; key = getch())
		key_pressed(top, key);
	timeout(50);
	return true;
}

static void loop(struct top *top, double interval_s)
{
	bool worked = true;

	while (!interrupted && !top->ended) {
		bool works = job_runs(&top->job);

		if (worked != works || age(&top->look.at) >= interval_s)
			look_now(top);
		worked = works;
		listen_now(top);
		top->changed |= job_step(&top->job, top->context, &top->log);
		if (top->changed)
			screen_draw(top);
		if (!take_keys(top))
			break;
	}
}

int top_run(struct context *context, uint64_t interval_s)
{
	struct top *top = xalloc(sizeof(*top));
	bool was_quiet = quiet, were_steps = steps_shown;
	int statistics, error;

	top->context = context;
	error = screen_open(context);
	if (error)
		goto out;
	interrupt_catch();
	quiet = true; /* nothing but the screen writes to the terminal */
	steps_shown = false;
	statistics = statistics_enable();
	if (statistics < 0)
		log_add(&top->log, YELLOW, "npctl: %s", failure());
	failure_clear();
	top->job.steps = were_steps;
	loop(top, (double)interval_s);
	job_end(&top->job);
	listen_end(top);
	look_release(&top->look);
	screen_close();
	if (statistics >= 0)
		close(statistics);
	quiet = was_quiet;
	steps_shown = were_steps;
out:
	free(top->look.trouble);
	free(top->peer);
	free(top->selected);
	log_release(&top->log);
	free(top);
	return error;
}
