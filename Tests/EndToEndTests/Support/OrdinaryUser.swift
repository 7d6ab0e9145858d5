// Running a script as a user who is not root, in mounts and processes of its own.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What a script finds that runs as `nobody`: the program in PATH, `$SOURCE`, and its working folder, which is its own
/// and has an empty folder `mnt`. Mounts and processes of the script are its own, and gone when it has ended.
struct OrdinaryUser {
    /// The lines of /etc/fuse.conf.
    var fuseConfiguration = ""
    /// A line of shell that root runs before.
    var preparation = ":"

    /// - Throws: when unshare(1), setpriv(1) or the preparation is not to be had.
    /// - Returns: what the script printed, and its exit code.
    func attempt(_ script: String, source: String, limit: Int = 60) throws -> CommandResult {
        // A folder that other users may enter, whatever the folder of the tests permits.
        // A copy of another test's mount would keep that one's server alive after the test has unmounted it.
        let setting = """
            { findmnt --list --noheadings --output TARGET --types fuse.ova || true; } | xargs --no-run-if-empty umount --lazy
            mount -t tmpfs -o mode=755 tmpfs /mnt
            mknod -m 666 /mnt/fuse c 10 229
            mount --bind /mnt/fuse /dev/fuse
            printf '%s\\n' "$3" > /mnt/fuse.conf
            mount --bind /mnt/fuse.conf /etc/fuse.conf
            cp "$1" /mnt/ovafs
            cp "$2" /mnt/source
            mkdir -m 755 /mnt/home
            mkdir -m 755 /mnt/home/mnt
            chown -R 65534:65534 /mnt/home
            cd /mnt/home
            \(preparation)
            export PATH="/mnt:$PATH" SOURCE=/mnt/source
            exec setpriv --reuid=65534 --regid=65534 --clear-groups bash -euo pipefail -c "$4"
            """
        return try EndToEndTests.attempt(
            [
                "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-euo",
                "pipefail", "-c", setting, "bash", try Ovafs.path(), source, fuseConfiguration, script,
            ], limit: limit)
    }

    /// A script that has to succeed.
    ///
    /// - Throws: `CommandFailure` when its exit code is not 0.
    /// - Returns: what it printed.
    @discardableResult
    func run(_ script: String, source: String) throws -> CommandResult {
        let result = try attempt(script, source: source)
        guard result.exitCode == 0 else { throw CommandFailure(result: result) }
        return result
    }
}
