/* SPDX-License-Identifier: MIT */
/*
 * fuzz/replay - shows a target the files of its corpus, for builds without libFuzzer.
 *
 *     fuzz_key FILE|FOLDER...
 *
 * Each input stands in memory of its own size, so that a sanitizer sees what is read behind it.
 * A broken law aborts; the last line that was printed names the file.
 */
#include "../law.h"

#include <dirent.h>
#include <sys/stat.h>

enum { PATH_BYTES_MAX = 4096, FILE_BYTES_MAX = 1024 * 1024 };

static void replay_file(const char *path, const struct stat *info)
{
    FILE *file = fopen(path, "rb");
    size_t size = (size_t)info->st_size;
    uint8_t *data;

    (void)printf("%s\n", path);
    (void)fflush(stdout);
    if (file == NULL || info->st_size > FILE_BYTES_MAX) {
        (void)fprintf(stderr, "%s: cannot be read, or is over %d bytes\n", path, FILE_BYTES_MAX);
        exit(EXIT_FAILURE);
    }
    data = malloc(size == 0 ? 1 : size);
    if (data == NULL || fread(data, 1, size, file) != size) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    (void)fclose(file);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
}

static unsigned replay(const char *path);

static unsigned replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    unsigned files = 0;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char inner[PATH_BYTES_MAX];

        if (entry->d_name[0] != '.') {
            (void)snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
            files += replay(inner);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return files;
}

/* Gives the number of files. */
static unsigned replay(const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    if (S_ISDIR(info.st_mode)) {
        return replay_folder(path);
    }
    replay_file(path, &info);
    return 1;
}

int main(int argc, char **argv)
{
    unsigned files = 0;

    for (int i = 1; i < argc; i++) {
        files += replay(argv[i]);
    }
    if (files == 0) {
        (void)fprintf(stderr, "no file to replay\n");
        return EXIT_FAILURE;
    }
    (void)printf("%u files, no law broken\n", files);
    return EXIT_SUCCESS;
}
