// The folder that an output is written in.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import CLinux
import Glibc
import SystemPackage

/// Stays the same folder whatever is renamed meanwhile. Whoever has it closes it.
struct OutputFolder {
    private let descriptor: CInt

    /// The folder of `path`, an output's.
    init(of path: FilePath) throws(CopyError) {
        let folder = path.removingLastComponent()
        let name: FilePath = folder.isEmpty ? "." : folder
        // Only to find names in it, for which it need not be readable.
        descriptor = unsafe name.withPlatformString {
            unsafe open($0, ovafs_open_path_only | O_DIRECTORY | O_CLOEXEC)
        }
        guard descriptor >= 0 else { throw .output(call: "open the directory of \(path)", errno: errno) }
    }

    func close() {
        _ = Glibc.close(descriptor)
    }

    /// Removes the last name of `path` from the folder where it stands for the file `number`.
    /// - Returns: Why it cannot be removed; nil where it is gone, or is another's.
    func remove(_ path: FilePath, _ number: FileNumber) -> Errno? {
        guard let name = path.lastComponent else { return nil }
        // SAFETY: the string and the status live for the calls.
        return unsafe name.withPlatformString { name in
            var status = stat()
            guard unsafe fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
                return errno == ENOENT ? nil : Errno(rawValue: errno)
            }
            guard FileNumber(status) == number else { return nil }
            guard unsafe unlinkat(descriptor, name, 0) != 0, errno != ENOENT else { return nil }
            return Errno(rawValue: errno)
        }
    }
}
