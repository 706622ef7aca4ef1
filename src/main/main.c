/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	if (core_block_signals() || server_start(&server))
		return 1;
	notify_ready("serving calls");
	server_run(&server);
	notify_stopping();
	server_stop(&server);
	return 0;
}
