// What a server's broker is told when it is started.
// SPDX-License-Identifier: Apache-2.0

import Appliance
import FuseServer
import Glibc
import SystemPackage

/// The one mount that a broker may make, and what else it does for its server. All of it is the user's own choice, and known
/// before anything of the source is read.
struct MountOrder: Equatable {
    /// As the user wrote it; what is relative begins at the working folder.
    var directory: FilePath
    /// The permissions with which the folder is made where it is not there; nil where it is not made.
    var folderMode: UInt32?
    var unmountsWhenServerDies = false
    var allowsOtherUsers = false
    var permitsExecution = false
    /// What `/proc/mounts` shows as the source, in bytes.
    var sourceName: [UInt8]
    /// Whether the broker tells who serves the mount, whose user the server is not (`run_as=`).
    var announces = false
    /// The file of `record=`, as bytes.
    var recordFile: [UInt8]?

    /// How the broker's command line says it.
    var arguments: [[UInt8]] {
        var words: [[UInt8]] = []
        if unmountsWhenServerDies { words.append(Array("--auto-unmount".utf8)) }
        if allowsOtherUsers { words.append(Array("--allow-other".utf8)) }
        if permitsExecution { words.append(Array("--exec".utf8)) }
        if announces { words.append(Array("--announce".utf8)) }
        if let folderMode { words.append(Array("--folder-mode=\(folderMode)".utf8)) }
        words.append(Array("--fsname=".utf8) + sourceName)
        if let recordFile { words.append(Array("--record=".utf8) + recordFile) }
        return words + [Array("--".utf8), directory.bytes]
    }

    /// How libfuse is to mount.
    var sessionOptions: SessionOptions {
        var options = SessionOptions(sourceName: sourceName, userID: getuid(), groupID: getgid())
        options.allowsOtherUsers = allowsOtherUsers
        options.permitsExecution = permitsExecution
        return options
    }
}
