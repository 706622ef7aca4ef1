/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/notify.h"
#include "base/thread.h"
#include "main/server.h"

static struct server server;

static int make_data_dir(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) && errno != EEXIST) {
		fprintf(stderr, "offhookd: cannot make the data folder %s: %s\n", path,
			strerror(errno));
		return errno;
	}
	if (stat(path, &st) || !S_ISDIR(st.st_mode) || access(path, W_OK)) {
		fprintf(stderr, "offhookd: %s is not a folder that can be written to\n", path);
		return EACCES;
	}
	return 0;
}

static void on_fault(int number)
{
	log_crash();
	raise(number); /* as if nobody had caught it */
}

/* The log's last lines come out before the process ends by a fault of ours. */
static void catch_faults(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they tell of it themselves */
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	struct sigaction act = {.sa_handler = on_fault,
				.sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};

	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		(void)sigaction(faults[i], &act, NULL);
#else
	(void)on_fault;
#endif
}

int main(int argc, char **argv)
{
	struct config *c = &server.config;
	int err = config_read(c, argc, argv);

	if (err)
		return err == ECANCELED ? 0 : 2;
	umask(077);
	if (make_data_dir(c->data_dir))
		return 1;
	if (log_open(c->log_file[0] ? c->log_file : NULL, c->log_json, c->log_level)) {
		fprintf(stderr, "offhookd: cannot write the log to %s\n", c->log_file);
		return 1;
	}
	thread_become(THREAD_CORE);
	catch_faults();
	if (core_block_signals() || log_start() || server_start(&server)) {
		log_stop();
		return 1;
	}
	notify_ready("serving calls");
	server_run(&server);
	notify_stopping();
	server_stop(&server);
	log_stop();
	return 0;
}
