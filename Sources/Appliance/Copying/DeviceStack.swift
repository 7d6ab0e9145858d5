// What block devices stand on, as the kernel tells it.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
package import Glibc
package import SystemPackage

/// Finds out whether a write to one file or device changes another: a partition is part of its disk, a loop device is its
/// file, and a mapped device (LVM, RAID, encryption) is what it is made of. What the kernel does not tell, such as what is
/// behind a device of the network, is not known here: docs/decisions/0061-outputs.md.
package struct DeviceStack: Sendable {
    package static let system = DeviceStack(folder: "/sys/dev/block")

    /// Has a folder for each block device, called by its numbers.
    private let folder: FilePath

    package init(folder: FilePath) {
        self.folder = folder
    }

    /// All that a file or device stands on.
    private struct Base {
        /// Itself, too.
        var numbers: Set<FileNumber> = []
        var images: Set<Image> = []

        struct Image: Hashable {
            let file: FileNumber
            let loopDevice: FileNumber
        }
    }

    /// Whether a write to `output` may change one of `sources`.
    package func isAnySource(_ sources: Set<FileNumber>, changedBy output: FileNumber) -> Bool {
        if sources.contains(output) { return true }
        let base = base(of: output)
        guard base.numbers.isDisjoint(with: sources) else { return true }
        return sources.contains { source in
            guard source.blockDevice != nil else { return false }
            let other = self.base(of: source)
            // Partitions of one disk do not overlap; two loop devices of one file may.
            return other.numbers.contains(output)
                || other.images.contains { image in
                    base.images.contains { $0.file == image.file && $0.loopDevice != image.loopDevice }
                }
        }
    }

    /// Whether a write to a file on the file system of `device` may change one of `sources`.
    package func isAnySource(_ sources: Set<FileNumber>, changedByFilesOn device: dev_t) -> Bool {
        isAnySource(sources, changedBy: FileNumber(blockDevice: device))
    }

    private func base(of number: FileNumber) -> Base {
        var base = Base()
        var rest = [number]
        while let next = rest.popLast() {
            guard base.numbers.insert(next).inserted, let device = next.blockDevice else { continue }
            let entry = folder.appending(Self.text(of: device))
            if let disk = disk(ofPartition: entry) { rest.append(disk) }
            if let file = image(ofLoopDevice: entry) {
                base.images.insert(Base.Image(file: file, loopDevice: next))
                rest.append(file)
            }
            rest += parts(ofMappedDevice: entry)
        }
        return base
    }

    private func disk(ofPartition entry: FilePath) -> FileNumber? {
        guard !entry.appending("partition").isAbsent else { return nil }
        // The entry is a link into the tree of devices, where a partition is beneath its disk.
        return number(in: FilePath(bytes: entry.bytes + Array("/../dev".utf8)))
    }

    private func image(ofLoopDevice entry: FilePath) -> FileNumber? {
        Self.line(of: entry.appending("loop").appending("backing_file")).flatMap {
            FileNumber(at: FilePath(bytes: $0))
        }
    }

    private func parts(ofMappedDevice entry: FilePath) -> [FileNumber] {
        let slaves = entry.appending("slaves")
        // SAFETY: the string lives for the call.
        guard let list = unsafe slaves.withPlatformString({ unsafe opendir($0) }) else { return [] }
        defer { unsafe closedir(list) }
        var numbers: [FileNumber] = []
        while let item = unsafe readdir(list) {
            let name = unsafe withUnsafeBytes(of: item.pointee.d_name) { unsafe Array($0.prefix { $0 != 0 }) }
            guard !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8),
                let part = number(in: slaves.file(named: name).appending("dev"))
            else { continue }
            numbers.append(part)
        }
        return numbers
    }

    /// The device whose numbers are the text of a file.
    private func number(in path: FilePath) -> FileNumber? {
        guard let line = Self.line(of: path) else { return nil }
        let parts = String(decoding: line, as: UTF8.self).split(separator: ":").map { UInt32($0) }
        guard parts.count == 2, let major = parts[0], let minor = parts[1] else { return nil }
        return FileNumber(blockDevice: Self.device(major: major, minor: minor))
    }

    /// Linux's number of a device: 12 bits of the major one between 8 and 24 of the minor one, and the rest above.
    private static func device(major: UInt32, minor: UInt32) -> dev_t {
        let (major, minor) = (dev_t(major), dev_t(minor))
        return minor & 0xff | (major & 0xfff) << 8 | (minor & ~0xff) << 12 | (major & ~0xfff) << 32
    }

    /// The numbers of a device as `major:minor`.
    private static func text(of device: dev_t) -> String {
        let major = (device >> 8) & 0xfff | (device >> 32) & ~0xfff
        let minor = device & 0xff | (device >> 12) & 0xffff_ff00
        return "\(major):\(minor)"
    }

    /// The first line of a small file; nil where it cannot be read.
    private static func line(of path: FilePath) -> [UInt8]? {
        guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else { return nil }
        defer { try? file.close() }
        var bytes = [UInt8](repeating: 0, count: 2 * Int(PATH_MAX))
        // SAFETY: the buffer is the array's own.
        guard let count = unsafe try? bytes.withUnsafeMutableBytes({ try unsafe file.read(into: $0) }) else {
            return nil
        }
        let text = bytes.prefix(count)
        // The name of a file may have line ends in it; the kernel adds one.
        return text.last == UInt8(ascii: "\n") ? Array(text.dropLast()) : Array(text)
    }
}
