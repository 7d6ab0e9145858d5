// `ovafs watch-mount`: what `auto_unmount` starts; not for people.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct WatchMountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: MountWatcher.commandName,
        abstract: "Unmount a directory whose server has died, once standard input ends.", shouldDisplay: false
    )

    @Argument
    var directory: String

    func run() throws {
        try MountWatcher.watch(RawArguments.path(directory))
    }
}
