/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "main/leftovers.h"
#include "service/service.h"

void leftovers_remove(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (!str_starts(str_of(e->d_name), STR(SERVICE_SCRATCH)))
			continue;
		if (unlinkat(dirfd(d), e->d_name, 0))
			log_warn(NULL, LOGID_MEDIA, "%s of a call that was cut off stays: %s",
				 e->d_name, strerror(errno));
	}
	if (d)
		closedir(d);
}
