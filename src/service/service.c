/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "base/str.h"
#include "service/service.h"

int services_register_all(struct calls *cs)
{
	static const struct owner_kind *const all[] = {
		&service_ring_group,  &service_echo,  &service_tone,
		&service_record_test, &service_mix,   &service_page,
		&service_page_listen, &service_speak, &service_switch};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		int err = calls_register_service(cs, all[i]);

		if (err)
			return err;
	}
	return 0;
}

void services_sweep(const char *folder)
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
