// `ovafs watch-mount`: the broker that every server starts; not for people.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct WatchMountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: MountBroker.commandName,
        abstract: "Make a mount for the server at standard input, and take it away again.",
        shouldDisplay: false)

    @Argument
    var directory: String

    @Flag
    var autoUnmount = false

    @Flag
    var allowOther = false

    @Flag
    var exec = false

    @Flag
    var announce = false

    @Option
    var folderMode: UInt32?

    @Option
    var fsname: String

    @Option
    var record: String?

    func run() throws {
        var broker = MountBroker(try order)
        broker.serve()
    }

    /// What the arguments say, as `MountOrder.arguments` has written it.
    var order: MountOrder {
        get throws {
            var order = MountOrder(
                directory: try RawArguments.path(directory), sourceName: try RawArguments.bytes(fsname))
            order.folderMode = folderMode
            order.unmountsWhenServerDies = autoUnmount
            order.allowsOtherUsers = allowOther
            order.permitsExecution = exec
            order.announces = announce
            order.recordFile = try record.map { try RawArguments.bytes($0) }
            return order
        }
    }
}
