// What to do about a mount that the system refuses.
// SPDX-License-Identifier: Apache-2.0

enum MountAdvice {
    /// Words of libfuse and fusermount3, and what helps.
    private static let remedies: [(words: String, advice: String)] = [
        ("user_allow_other", "an administrator can write it there, or leave allow_other out"),
        ("exec fusermount3", "install it (Debian package fuse3): users other than root need it"),
        ("device not found", "load the kernel's module: modprobe fuse"),
        ("/dev/fuse: Permission denied", "an administrator can permit it: chmod 666 /dev/fuse"),
        ("/dev/fuse: Operation not permitted", "a container needs the device: --device /dev/fuse"),
        ("failed to access mountpoint", "what is mounted there already has to be unmounted first"),
        ("write access to mountpoint", "users other than root mount on a directory that they may write to"),
        ("not owned by user", "users other than root mount on a directory of their own"),
        ("mounting over filesystem type", "users other than root mount on a directory of their own"),
        ("mount failed: Operation not permitted", "a container needs the capability SYS_ADMIN"),
    ]

    /// Advice to stand behind `message`; empty where there is none.
    static func text(for message: String) -> String {
        remedies.first { message.contains($0.words) }.map { "; \($0.advice)" } ?? ""
    }
}
