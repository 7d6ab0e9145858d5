// What tells one version of a file from another.
// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Size, modification time and whether the file has a name: docs/decisions/0070-when-a-change-time-moves.md.
///
/// The change time alone says nothing: a rename, a hard link or a chmod moves it and leaves the bytes alone. A
/// file that has lost its last name was replaced or removed.
struct FileIdentity {
    /// In nanoseconds, modulo 2^64; only good for telling two of them apart.
    let changeTime: Int64

    private let byteCount: Int64
    private let modificationSeconds: Int64
    private let modificationNanoseconds: Int64
    private let isLinked: Bool

    init(_ status: stat) {
        byteCount = Int64(status.st_size)
        modificationSeconds = Int64(status.st_mtim.tv_sec)
        modificationNanoseconds = Int64(status.st_mtim.tv_nsec)
        isLinked = status.st_nlink > 0
        changeTime = Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
    }

    init(_ state: ovafs_file_state) {
        byteCount = state.byte_count
        modificationSeconds = state.modification_seconds
        modificationNanoseconds = state.modification_nanoseconds
        isLinked = state.link_count > 0
        changeTime = state.change_seconds &* 1_000_000_000 &+ state.change_nanoseconds
    }

    func isSameContent(as opened: FileIdentity) -> Bool {
        byteCount == opened.byteCount && modificationSeconds == opened.modificationSeconds
            && modificationNanoseconds == opened.modificationNanoseconds
            && isLinked == opened.isLinked
    }
}
