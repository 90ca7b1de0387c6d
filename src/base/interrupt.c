// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/interrupt.h"
#include "base/base.h"

volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static bool deferred;

static void set_handlers(bool defer)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = defer ? SA_RESTART : 0};

	interrupted = 0;
	deferred = defer;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaction(numbers[i], &action, NULL);
}

void interrupt_catch(void)
{
	set_handlers(false);
}

void interrupt_defer(void)
{
	set_handlers(true);
}

void interrupt_allow(bool allowed)
{
	struct sigaction action;

	for (size_t i = 0; i < ARRAY_SIZE(numbers) && deferred; i++) {
		sigaction(numbers[i], NULL, &action);
		action.sa_flags = allowed ? 0 : SA_RESTART;
		sigaction(numbers[i], &action, NULL);
	}
}
