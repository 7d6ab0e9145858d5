// Hashes the bytes of a member, with every digest that its manifest asks for.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import Crypto

/// Digests of bytes that arrive in order.
package struct MemberDigester {
    private var digests: [(algorithm: DigestAlgorithm, state: State)]

    private enum State {
        case md5(Insecure.MD5)
        case sha1(Insecure.SHA1)
        case sha256(SHA256)
        case sha384(SHA384)
        case sha512(SHA512)
    }

    package init(_ algorithms: Set<DigestAlgorithm>) {
        digests = DigestAlgorithm.allCases.filter(algorithms.contains).map { algorithm in
            switch algorithm {
            case .md5: (algorithm, .md5(Insecure.MD5()))
            case .sha1: (algorithm, .sha1(Insecure.SHA1()))
            case .sha256: (algorithm, .sha256(SHA256()))
            case .sha384: (algorithm, .sha384(SHA384()))
            case .sha512: (algorithm, .sha512(SHA512()))
            }
        }
    }

    /// Takes the bytes that follow those taken before.
    package mutating func update(_ bytes: RawSpan) {
        // SAFETY: the hash functions read the span's bytes and keep no pointer.
        unsafe bytes.withUnsafeBytes { buffer in
            for index in digests.indices {
                switch digests[index].state {
                case .md5(var state):
                    unsafe state.update(bufferPointer: buffer)
                    digests[index].state = .md5(state)
                case .sha1(var state):
                    unsafe state.update(bufferPointer: buffer)
                    digests[index].state = .sha1(state)
                case .sha256(var state):
                    unsafe state.update(bufferPointer: buffer)
                    digests[index].state = .sha256(state)
                case .sha384(var state):
                    unsafe state.update(bufferPointer: buffer)
                    digests[index].state = .sha384(state)
                case .sha512(var state):
                    unsafe state.update(bufferPointer: buffer)
                    digests[index].state = .sha512(state)
                }
            }
        }
    }

    /// The digests, as hexadecimal digits in lower case.
    package func finish() -> [DigestAlgorithm: String] {
        var result: [DigestAlgorithm: String] = [:]
        for (algorithm, state) in digests {
            result[algorithm] =
                switch state {
                case .md5(let state): Hexadecimal.text(state.finalize())
                case .sha1(let state): Hexadecimal.text(state.finalize())
                case .sha256(let state): Hexadecimal.text(state.finalize())
                case .sha384(let state): Hexadecimal.text(state.finalize())
                case .sha512(let state): Hexadecimal.text(state.finalize())
                }
        }
        return result
    }

    /// Takes `source` whole, in steps of 1 MiB; `progress` hears of each step's bytes.
    package mutating func take(_ source: any ByteSource, progress: (Int) -> Void) throws(ReadError) {
        let buffer = try unsafe LargeMemory.take(1 << 20, for: "digests")
        defer { unsafe LargeMemory.giveBack(buffer) }
        try unsafe take(source, through: buffer, progress: progress)
    }

    /// Takes `source` whole, in steps of `buffer`; `progress` hears of each step's bytes.
    mutating func take(
        _ source: any ByteSource, through buffer: UnsafeMutableRawBufferPointer, progress: (Int) -> Void
    ) throws(ReadError) {
        var offset: UInt64 = 0
        while offset < source.byteCount {
            let count = Int(min(UInt64(buffer.count), source.byteCount - offset))
            // SAFETY: the caller lends the buffer to this call alone.
            var output = unsafe OutputRawSpan(buffer: buffer, initializedCount: 0)
            try source.read(count, at: offset, into: &output)
            update(output.bytes)
            _ = unsafe output.finalize(for: buffer)
            progress(count)
            offset += UInt64(count)
        }
    }
}
