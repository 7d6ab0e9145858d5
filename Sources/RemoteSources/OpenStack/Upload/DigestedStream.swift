// A body that is hashed while it is sent.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Crypto

/// A digest that an image service may make of an image.
enum UploadDigest: Sendable {
    case md5(Insecure.MD5)
    case sha1(Insecure.SHA1)
    case sha256(SHA256)
    case sha384(SHA384)
    case sha512(SHA512)

    /// What services make unless they are told otherwise.
    static let usualAlgorithm = "sha512"

    /// Nil where the algorithm is not one of these.
    init?(_ algorithm: String) {
        switch ASCIIWord(folding: algorithm) {
        case "md5": self = .md5(Insecure.MD5())
        case "sha1": self = .sha1(Insecure.SHA1())
        case "sha256": self = .sha256(SHA256())
        case "sha384": self = .sha384(SHA384())
        case "sha512": self = .sha512(SHA512())
        default: return nil
        }
    }

    mutating func update(_ bytes: [UInt8]) {
        switch self {
        case .md5(var state):
            state.update(data: bytes)
            self = .md5(state)
        case .sha1(var state):
            state.update(data: bytes)
            self = .sha1(state)
        case .sha256(var state):
            state.update(data: bytes)
            self = .sha256(state)
        case .sha384(var state):
            state.update(data: bytes)
            self = .sha384(state)
        case .sha512(var state):
            state.update(data: bytes)
            self = .sha512(state)
        }
    }

    /// As lower-case hexadecimal digits.
    var digits: String {
        switch self {
        case .md5(let state): Self.text(state.finalize())
        case .sha1(let state): Self.text(state.finalize())
        case .sha256(let state): Self.text(state.finalize())
        case .sha384(let state): Self.text(state.finalize())
        case .sha512(let state): Self.text(state.finalize())
        }
    }

    private static func text(_ digest: some Sequence<UInt8>) -> String {
        let characters = Array("0123456789abcdef".utf8)
        return String(
            decoding: digest.flatMap { [characters[Int($0 >> 4)], characters[Int($0 & 15)]] }, as: UTF8.self)
    }
}

/// A stream that remembers what was taken of it.
final class DigestedStream: HTTPBodyStream {
    private struct State {
        var digest: UploadDigest
        var takenByteCount: UInt64 = 0
        var failure: ReadError?
    }

    private let base: any HTTPBodyStream
    private let state: SleepingMutex<State>

    init(_ base: any HTTPBodyStream, _ digest: UploadDigest) {
        self.base = base
        state = SleepingMutex(State(digest: digest))
    }

    var byteCount: UInt64 { base.byteCount }

    func next(upTo limit: Int) throws(ReadError) -> [UInt8] {
        do throws(ReadError) {
            let bytes = try base.next(upTo: limit)
            state.withLock { state in
                state.digest.update(bytes)
                state.takenByteCount += UInt64(bytes.count)
            }
            return bytes
        } catch {
            state.withLock { $0.failure = error }
            throw error
        }
    }

    var takenByteCount: UInt64 { state.withLock { $0.takenByteCount } }
    /// Of what was taken so far.
    var digits: String { state.withLock { $0.digest.digits } }
    /// Why no more could be taken.
    var failure: ReadError? { state.withLock { $0.failure } }
}
