// renameat2(2), which the C library has and shows only to programs that ask for all of GNU.
// SPDX-License-Identifier: Apache-2.0

int renameat2(int oldFolder, const char *oldPath, int newFolder, const char *newPath, unsigned int flags);
