// What is kept in the table of waiting requests: requests of programs, and work that nobody waits for by itself.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import FileTree

/// Something that a thread of the session's loop could not do.
enum WaitingRequest: Sendable {
    case file(FileRequest)
    case folder(FolderRequest)
    case work(FolderWork)

    /// In whose turn it is served.
    var turn: WaitingQueue.Turn {
        switch self {
        case .file(let request): request.turn
        // It is answered by who does the work that it waits for.
        case .folder(let request): .opens(of: request.folder)
        case .work(.open): .folders
        case .work(.renew): .renewals
        case .work(.tidy), .work(.letGo): .tidying
        }
    }
}

/// What a program asks of a folder that is being opened, or of the root while its folders are being listed.
struct FolderRequest: Sendable {
    enum Operation: Sendable {
        case lookUp(name: [UInt8])
        case openDirectory
    }

    /// The folder's inode number, or the root's.
    let folder: UInt64
    let operation: Operation
}

/// What changes the folders of a root.
enum FolderWork: Sendable {
    /// Opens the folder with this inode number.
    case open(UInt64)
    /// Lists the folders anew.
    case renew
    /// Closes trees that no one uses.
    case tidy
    /// Frees one that was closed.
    case letGo(OpenFolder)
}

/// A request with the answer that is owed.
// SAFETY: one thread at a time has `reply`: under the table's lock while the entry is in the table, and then the one
// thread that took the entry out of it.
final class WaitingEntry: @unchecked Sendable {
    let request: WaitingRequest
    let read: PatientRead
    var reply: Reply?

    init(_ request: WaitingRequest, owing reply: consuming Reply?, _ read: PatientRead) {
        self.request = request
        self.read = read
        self.reply = consume reply
    }
}

/// The requests that wait for work of others, by the folder that the work is about: a value.
struct ParkedRequests {
    private var folders: [WaitingQueue.ID: UInt64] = [:]
    private var requests: [UInt64: Set<WaitingQueue.ID>] = [:]

    mutating func add(_ id: WaitingQueue.ID, on folder: UInt64) {
        folders[id] = folder
        requests[folder, default: []].insert(id)
    }

    /// Takes one out; false where it is not here any more.
    mutating func remove(_ id: WaitingQueue.ID) -> Bool {
        guard let folder = folders.removeValue(forKey: id) else { return false }
        requests[folder]?.remove(id)
        if requests[folder]?.isEmpty == true { requests[folder] = nil }
        return true
    }

    /// Takes out those of a folder, in the order in which they came.
    mutating func removeAll(on folder: UInt64) -> [WaitingQueue.ID] {
        let ids = (requests.removeValue(forKey: folder) ?? []).sorted()
        for id in ids { folders[id] = nil }
        return ids
    }

    /// Takes out all.
    mutating func removeAll() -> [WaitingQueue.ID] {
        defer { self = ParkedRequests() }
        return folders.keys.sorted()
    }
}
