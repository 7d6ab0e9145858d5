// Blocks of remote objects, kept on disk from one mount to the next.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Crypto

/// The folder of `cache_dir=`: `1/<digest of address and version>/` with `object.json`, `blocks` (sparse, as long as the
/// object) and `digests` (32 bytes a block). A block counts when its digest is right, so that a torn write, a flipped bit and
/// a crash are one case: an absent block. Many processes may use it at the same time.
package final class BlockStore: Sendable {
    private struct State {
        /// What was written since the folder was looked through, in bytes.
        var written: UInt64 = 0
        var isFull = false
    }

    /// The folder is looked through after so many bytes were written.
    private static let lookInterval: UInt64 = 32 << 20
    /// Objects that are looked at; no one has more.
    private static let mostObjects = 100_000
    /// How the files are made up; another number is another folder.
    private static let layout = "1"

    private let folder: StoreFolder
    /// Held by who lets blocks go.
    private let evictionLock: StoreFile
    private let byteLimit: UInt64
    private let note: @Sendable (String) -> Void
    private let state = SleepingMutex(State())

    /// Opens the folder at `path`, which is made where it is not there; keeps `byteLimit` bytes in it. `note` is told once
    /// where nothing more can be kept.
    /// - Throws: `ReadError.system`, or `ReadError.unsupported` where others may write to the folder.
    package init(
        path: String, byteLimit: UInt64, note: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(ReadError) {
        let outer = try StoreFolder(path: path)
        guard let folder = outer.folder(Self.layout) else {
            throw outer.problem(with: Self.layout, in: path, isFolder: true)
        }
        guard let lock = outer.file("lock") else {
            throw outer.problem(with: "lock", in: path, isFolder: false)
        }
        self.folder = folder
        evictionLock = lock
        self.byteLimit = byteLimit
        self.note = note
    }

    /// The blocks of an object. Nil where nothing tells its version, or it cannot be kept.
    func object(_ address: WebAddress, _ version: ObjectVersion) -> StoredObject? {
        guard version.validator != nil else { return nil }
        let key = StoreKey(address, version)
        guard let folder = folder.folder(key.name), let object = StoredObject(key, in: folder, of: self)
        else {
            return nil
        }
        return object
    }

    /// Whether anything more may be written.
    var isFull: Bool { state.withLock { $0.isFull } }

    /// The disk takes no more: what is there is still read.
    func noteFailure(_ errno: CInt) {
        let isFirst = state.withLock { state in
            defer { state.isFull = true }
            return !state.isFull
        }
        guard isFirst else { return }
        note("nothing more is kept in the cache folder: \(ReadError.system(call: "write", errno: errno))")
    }

    /// Takes note of what was written, and lets older blocks go where that is too much.
    func noteWritten(_ byteCount: UInt64) {
        let isToLook = state.withLock { state in
            state.written &+= byteCount
            guard state.written >= min(Self.lookInterval, max(1, byteLimit / 8)) else { return false }
            state.written = 0
            return true
        }
        // Where someone else is at it, that will do.
        guard isToLook, evictionLock.lock(0..<1) else { return }
        defer { evictionLock.unlock(0..<1) }
        evict()
    }

    /// Lets blocks go until nine tenths of the limit are left: those of objects that were not used for the longest time, and
    /// of an object the first ones first.
    private func evict() {
        var objects: [(name: String, blocks: StoreFile, digests: StoreFile, time: Int, stored: UInt64)] = []
        var total: UInt64 = 0
        for name in folder.names(limit: Self.mostObjects) {
            guard let inner = folder.folder(name), let blocks = inner.file("blocks", isMade: false),
                let digests = inner.file("digests", isMade: false)
            else { continue }
            let stored = blocks.state.storedByteCount
            total &+= stored
            objects.append((name, blocks, digests, digests.state.time, stored))
        }
        guard total > byteLimit else { return }
        let goal = byteLimit / 10 * 9
        for object in objects.sorted(by: { $0.time < $1.time }) where total > goal {
            let freed = StoredObject.evict(from: object.blocks, object.digests, total - goal)
            total -= min(total, freed)
            if freed >= object.stored { removeUnused(object.name) }
        }
    }

    /// Removes the files of an object that no one has open.
    private func removeUnused(_ name: String) {
        guard let inner = folder.folder(name), let use = inner.file("object.json", isMade: false),
            use.lock(0..<1)
        else { return }
        for file in ["object.json", "blocks", "digests"] { inner.remove(file) }
        folder.remove(name, isFolder: true)
    }
}

/// Which object of which version blocks belong to.
struct StoreKey: Sendable {
    /// Of the folder; it shows nothing of the address.
    let name: String
    /// Begins what is digested with each block, so that no block is taken for that of another object.
    let digest: [UInt8]
    /// What `object.json` says; without a query.
    let text: String
    let byteCount: UInt64

    init(_ address: WebAddress, _ version: ObjectVersion) {
        let validator = version.validator.map { "\($0)" } ?? ""
        digest = Array(SHA256.hash(data: Array("\(address.text)\n\(version.byteCount)\n\(validator)".utf8)))
        name = digest.prefix(20).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let shown = "\(address)".replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        text = "{\"layout\": 1, \"address\": \"\(shown)\", \"bytes\": \(version.byteCount)}\n"
        byteCount = version.byteCount
    }
}
