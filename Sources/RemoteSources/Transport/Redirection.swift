// Following a server that says that something is somewhere else.
// SPDX-License-Identifier: Apache-2.0

/// The way from the address that was named to the one that answers. A value; it asks no one.
struct Redirection: Sendable, Equatable {
    static let mostHops = 10

    /// Where the way begins: what the user named, and whose secrets are at hand.
    let start: WebAddress
    private(set) var address: WebAddress
    private(set) var hopCount = 0

    init(from start: WebAddress) {
        self.start = start
        address = start
    }

    /// Begins where an earlier way ended.
    init(from start: WebAddress, at place: WebAddress) {
        self.start = start
        address = place
    }

    /// Whether this is no longer where the way began.
    var isElsewhere: Bool { address != start }

    /// Whether a request to where the way has come to may carry what was given for its start.
    var maySendSecrets: Bool { address.origin == start.origin }

    /// Goes to where `location` says.
    /// - Throws: `TransportError` where that is no address of the web, or the way does not end.
    mutating func follow(_ location: String) throws(TransportError) {
        guard hopCount < Self.mostHops else {
            throw TransportError(.redirection, at: "\(start)", "more than \(Self.mostHops) redirections")
        }
        do throws(AddressError) {
            address = try address.resolving(location)
        } catch {
            throw TransportError(
                .redirection, at: "\(start)", "a redirection to something that cannot be used: \(error)")
        }
        hopCount += 1
    }
}
