// The name of a member taken apart, and made safe to show.
// SPDX-License-Identifier: Apache-2.0

/// A stored name, split at its slashes when someone asks: a name of 64 KiB has 32,768 folders.
struct MemberPath {
    private let path: [UInt8]
    let isAbsolute: Bool
    /// Whether the name stays inside the package, and is one that every program reads alike.
    let isReferable: Bool
    /// Whether no component is empty or `.`.
    private let isPlain: Bool

    /// The longest component that a directory can list, in bytes.
    static let maximumComponentByteCount = 255
    /// The deepest folder that is shown; what is deeper is joined to one name.
    static let maximumDepth = 256

    private static let slash = UInt8(ascii: "/")
    private static let dot = UInt8(ascii: ".")

    init(_ path: [UInt8]) {
        self.path = path
        isAbsolute = path.first == Self.slash
        var isPlain = true
        var climbs = false
        var hasComponent = false
        Self.forEachPart(of: path) { part in
            switch Self.meaning(of: part) {
            case .nothing: isPlain = false
            case .parent:
                climbs = true
                hasComponent = true
            case .name: hasComponent = true
            }
        }
        self.isPlain = isPlain
        isReferable = path.first != Self.slash && hasComponent && !climbs && !path.contains(0)
    }

    /// How many components there are.
    var depth: Int {
        var depth = 0
        Self.forEachPart(of: path) { if Self.meaning(of: $0) != .nothing { depth += 1 } }
        return depth
    }

    /// Folders and the name, without empty ones and `.`; `..` is still there.
    var components: [ArraySlice<UInt8>] {
        var components: [ArraySlice<UInt8>] = []
        Self.forEachPart(of: path) { if Self.meaning(of: $0) != .nothing { components.append($0) } }
        return components
    }

    /// The components joined by single slashes.
    var normalized: [UInt8] {
        guard !isPlain else { return path }
        var joined: [UInt8] = []
        Self.forEachPart(of: path) { part in
            guard Self.meaning(of: part) != .nothing else { return }
            if !joined.isEmpty { joined.append(Self.slash) }
            joined += part
        }
        return joined
    }

    /// The components as they are shown: `..` left out, NUL replaced, too long ones shortened, at most
    /// `maximumDepth` of them, at least one.
    func sanitized() -> (components: [[UInt8]], isShortened: Bool) {
        var isShortened = false
        var safe: [[UInt8]] = []
        Self.forEachPart(of: path) { part in
            guard Self.meaning(of: part) == .name else { return }
            // The last place is the file's.
            if safe.count == Self.maximumDepth {
                isShortened = true
                safe.removeLast()
            }
            if part.count > Self.maximumComponentByteCount { isShortened = true }
            let shown = Array(part.prefix(Self.maximumComponentByteCount))
            safe.append(shown.contains(0) ? shown.map { $0 == 0 ? UInt8(ascii: "_") : $0 } : shown)
        }
        return (safe.isEmpty ? [Array("unnamed".utf8)] : safe, isShortened)
    }

    private enum Meaning {
        /// An empty part, or `.`.
        case nothing
        /// `..`.
        case parent
        case name
    }

    private static func meaning(of part: ArraySlice<UInt8>) -> Meaning {
        // These are the only short names that mean something else.
        switch part.count {
        case 0: .nothing
        case 1: part.first == dot ? .nothing : .name
        case 2: part.first == dot && part.last == dot ? .parent : .name
        default: .name
        }
    }

    /// Calls `body` with what stands between slashes, empty parts too.
    private static func forEachPart(of path: [UInt8], _ body: (ArraySlice<UInt8>) -> Void) {
        guard !path.isEmpty else { return }
        var start = 0
        while let end = path[start...].firstIndex(of: slash) {
            body(path[start..<end])
            start = end + 1
        }
        body(path[start...])
    }
}
