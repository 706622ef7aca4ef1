/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/cli.h"
#include <curl/curl.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct cli c;
	char **args;
	int status;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return CLI_FAILED;
	status = cli_options(&c, argc, argv);
	args = c.args;
	if (!status)
		status = cli_run(&c);
	json_decref(c.openapi);
	free(args);
	curl_global_cleanup();
	return status;
}
