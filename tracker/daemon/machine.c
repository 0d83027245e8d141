/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads /proc/self and the limits of the process.
 */
#include "tracker/daemon/machine.h"

#include <dirent.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

uint64_t
machine_memory_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long long total, resident;
    uint64_t bytes = 0;

    if (f == NULL)
        return 0;
    if (fscanf(f, "%llu %llu", &total, &resident) == 2)
        bytes = resident * (uint64_t)sysconf(_SC_PAGESIZE);
    fclose(f);
    return bytes;
}

uint64_t
machine_cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t
machine_open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    uint64_t n = 0;

    if (dir == NULL)
        return 0;
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n;
}
