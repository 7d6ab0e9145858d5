// The disks of a descriptor: capacities, files and parents.
// SPDX-License-Identifier: Apache-2.0

extension EnvelopeParser {
    /// Reads every DiskSection and joins its disks with their files and parents.
    mutating func parseDisks(_ root: XMLElement) throws(DescriptorError) {
        var disks: [VirtualDisk] = []
        for section in root.children where section.sectionName == "DiskSection" {
            for element in section.children where element.name == "Disk" {
                try take(EnvelopeCost.disk, for: "a Disk", line: element.line)
                disks.append(try disk(element, number: disks.count + 1))
            }
        }
        var indices: [ByteString: Int] = [:]
        for (index, disk) in disks.enumerated() {
            let id = ByteString(disk.id)
            if indices[id] != nil {
                log.add(.identifierDuplicate, "two disks have the id \"\(disk.id)\"", line: disk.line)
            } else {
                indices[id] = index
            }
        }
        let files = fileIndices()
        for index in disks.indices {
            disks[index].fileIndex = fileIndex(of: disks[index], files)
            guard let parent = disks[index].parentReference else { continue }
            disks[index].parentIndex = indices[ByteString(parent)]
            if disks[index].parentIndex == nil {
                log.add(
                    .parentDangling, "there is no disk \"\(parent)\" to be the parent",
                    line: disks[index].line)
            }
        }
        breakCycles(&disks)
        update { $0.disks = disks }
    }

    private mutating func disk(_ element: XMLElement, number: Int) throws(DescriptorError) -> VirtualDisk {
        var id = element.attribute("diskId")?.trimmed ?? ""
        if id.isEmpty {
            id = "disk\(number)"
            log.add(.identifierMissing, "a Disk has no diskId: it is called \"\(id)\"", line: element.line)
        }
        let capacity = try capacity(element)
        if capacity == nil, element.attribute("capacity") == nil {
            log.add(.capacityMissing, "the disk \"\(id)\" has no capacity", line: element.line)
        }
        return VirtualDisk(
            id: id, fileReference: element.attribute("fileRef")?.trimmed.nonEmpty, fileIndex: nil,
            capacity: capacity, populatedByteCount: try self.number(element, "populatedSize"),
            format: element.attribute("format")?.trimmed.nonEmpty,
            parentReference: element.attribute("parentRef")?.trimmed.nonEmpty, parentIndex: nil,
            isBootable: element.flag("boot") || element.flag("isBootable"), line: element.line)
    }

    /// The capacity in bytes. oVirt gives it as `ovf:size`, in GiB.
    private mutating func capacity(_ element: XMLElement) throws(DescriptorError) -> UInt64? {
        guard let text = element.attribute("capacity")?.trimmed.nonEmpty else {
            guard let size = try number(element, "size") else { return nil }
            return try bytes(size, "byte * 2^30", of: element)
        }
        let units = element.attribute("capacityAllocationUnits")
        guard text.hasPrefix("${"), text.hasSuffix("}") else {
            guard let number = try number(element, "capacity") else { return nil }
            return try bytes(number, units, of: element)
        }
        let name = String(text.dropFirst(2).dropLast()).trimmed
        let value = properties[ByteString(name)]
        guard let value, let number = UInt64(value.trimmed) else {
            let state = value == nil ? "is not defined or has no value" : "is no number"
            log.add(.propertyUnknown, "the property \"\(name)\" of a capacity \(state)", line: element.line)
            return nil
        }
        return try bytes(number, units, of: element)
    }

    private mutating func bytes(
        _ number: UInt64, _ units: String?, of element: XMLElement
    ) throws(DescriptorError) -> UInt64? {
        guard let unit = AllocationUnits(units) else {
            log.add(.unitUnknown, "the unit \"\(units ?? "")\" is not known", line: element.line)
            return nil
        }
        // What a file can be, and no more: a file's length is a signed number.
        guard let bytes = unit.bytes(number), bytes <= UInt64(Int64.max) else {
            throw DescriptorError(
                element: element.name, line: element.line,
                "the capacity, \(number) times \(unit.byteCount) bytes, is too large")
        }
        return bytes
    }

    /// The file that `fileRef` means: by id; as oVirt writes it, by href or with the disk's id in front.
    private mutating func fileIndex(of disk: VirtualDisk, _ files: [ByteString: Int]) -> Int? {
        guard let reference = disk.fileReference else { return nil }
        if let index = files[ByteString(reference)] ?? files[ByteString(reference.lastPart)] { return index }
        log.add(
            .fileReferenceDangling,
            "the disk \"\(disk.id)\" refers to the file \"\(reference)\", which is not there",
            line: disk.line)
        return nil
    }

    /// The files by id, and by href where no id is the same.
    private func fileIndices() -> [ByteString: Int] {
        var indices: [ByteString: Int] = [:]
        for names in [envelope.files.map(\.id), envelope.files.map(\.href)] {
            for (index, name) in names.lazy.map({ ByteString($0) }).enumerated()
            where !name.bytes.isEmpty && indices[name] == nil {
                indices[name] = index
            }
        }
        return indices
    }

    /// Takes parents away from disks that would be their own ancestors.
    private mutating func breakCycles(_ disks: inout [VirtualDisk]) {
        /// 0: not looked at; otherwise the number of the walk that came by.
        var visits = [Int](repeating: 0, count: disks.count)
        for start in disks.indices {
            var index = start
            while visits[index] == 0 {
                visits[index] = start + 1
                guard let parent = disks[index].parentIndex else { break }
                guard visits[parent] != start + 1 else {
                    log.add(
                        .parentCycle, "the disk \"\(disks[index].id)\" is its own ancestor",
                        line: disks[index].line)
                    disks[index].parentIndex = nil
                    break
                }
                index = parent
            }
        }
    }
}
