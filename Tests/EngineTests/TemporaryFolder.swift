import Formats
import Foundation
import Glibc
import Host
import Testing

/// A folder of one test's own, gone with it.
final class TemporaryFolder: Sendable {
    let path: ByteString

    init() throws {
        let name = ByteString(FileManager.default.temporaryDirectory.path).appending(path: "slipway-engine-tests-")
        path = name + Hex.digits(of: Kernel.randomBytes(8))
        try Files.makeDirectory(path, mode: 0o700)
    }

    deinit { try? FileManager.default.removeItem(atPath: path.lossy) }

    subscript(_ name: ByteString) -> ByteString { path.appending(path: name) }

    /// Writes a file, with the folders above it.
    @discardableResult
    func write(_ name: ByteString, _ content: ByteString, mode: UInt32 = 0o644) throws -> ByteString {
        let file = self[name]
        try Files.makeDirectories(file.parentPath, mode: 0o755)
        try? Files.remove(file)
        let descriptor = try Descriptor.open(file, .create(mode: mode))
        try descriptor.write(content)
        try descriptor.setMode(mode)
        return file
    }

    /// Writes a program for the shell.
    @discardableResult
    func write(script: ByteString, to name: ByteString) throws -> ByteString {
        try write(name, "#!/bin/sh\n" + script + "\n", mode: 0o755)
    }

    func makeFolder(_ name: ByteString) throws { try Files.makeDirectories(self[name], mode: 0o755) }

    func read(_ name: ByteString) throws -> ByteString { try Files.read(self[name], limit: 1 << 20) }
}

/// What may stand where a file is looked for, and is none that can be read.
enum OddFile: CaseIterable {
    case directory, fifo, fiveMegabytes, linkToItself, belowAFile

    func put(at name: ByteString, in folder: TemporaryFolder) throws {
        try Files.makeDirectories(folder[name].parentPath, mode: 0o755)
        switch self {
        case .directory: try Files.makeDirectory(folder[name], mode: 0o755)
        case .fifo: #expect(mkfifo(folder[name].lossy, 0o644) == 0)
        case .fiveMegabytes: try folder.write(name, ByteString(repeatElement(0x20, count: 5 << 20)))
        case .linkToItself: try Files.makeLink(folder[name], to: folder[name])
        case .belowAFile:
            let parent = folder[name].parentPath
            try FileManager.default.removeItem(atPath: parent.lossy)
            try Files.replace(parent, with: "not a directory", mode: 0o644)
        }
    }
}
