public import Formats
internal import Foundation
internal import Glibc
internal import Host

/// A folder for one test, removed with this object.
public final class TemporaryFolder: Sendable {
    /// Absolute and without links, so that it can be compared.
    public let path: ByteString

    /// Makes the folder.
    public init() throws {
        let parent = try Files.realPath(ByteString(FileManager.default.temporaryDirectory.path))
        path = parent.appending(path: "slipway-tests-" + Hex.digits(of: Kernel.randomBytes(8)))
        try Files.makeDirectory(path, mode: 0o755)
    }

    deinit { try? FileManager.default.removeItem(atPath: path.lossy) }

    /// A path in the folder.
    public subscript(_ name: ByteString) -> ByteString { path.appending(path: name) }

    /// Writes a file with exactly these permission bits, and makes the folders above it.
    @discardableResult
    public func write(_ name: ByteString, _ content: ByteString, mode: UInt32 = 0o644) throws -> ByteString {
        let file = self[name]
        try Files.makeDirectories(file.parentPath, mode: 0o755)
        try? Files.remove(file)
        do {
            let descriptor = try Descriptor.open(file, .create(mode: 0o600))
            try descriptor.write(content)
            try descriptor.setMode(mode)
        }
        if mode & 0o111 != 0 { Self.waitUntilNobodyWrites(file) }
        return file
    }

    /// A child that another test is just starting may briefly hold a copy of our descriptor: as long as a file is open
    /// for writing it cannot be executed ("text file busy"), and cannot get a read lease.
    private static func waitUntilNobodyWrites(_ path: ByteString) {
        let file = open(path.lossy, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        defer { close(file) }
        let setLease: Int32 = 1024  // F_SETLEASE, which Swift's Glibc module lacks
        for _ in 0..<10_000 {
            if fcntl(file, setLease, F_RDLCK) == 0 || errno != EAGAIN { return }
            usleep(1_000)
        }
    }

    /// Writes a shell script.
    @discardableResult
    public func write(script: ByteString, to name: ByteString) throws -> ByteString {
        try write(name, "#!/bin/sh\n" + script + "\n", mode: 0o755)
    }

    /// Makes a folder and those above it.
    @discardableResult
    public func makeFolder(_ name: ByteString, mode: UInt32 = 0o755) throws -> ByteString {
        try Files.makeDirectories(self[name].parentPath, mode: 0o755)
        try Files.makeDirectory(self[name], mode: mode)
        return self[name]
    }

    /// The content of a file.
    public func read(_ name: ByteString) throws -> ByteString { try Files.read(self[name], limit: 1 << 24) }

    /// The names in a folder, in order.
    public func names(in name: ByteString = ".") throws -> [ByteString] {
        try Files.names(in: self[name], limit: 100_000).sorted()
    }

    /// Removes a file or a whole folder.
    public func remove(_ name: ByteString) throws { try FileManager.default.removeItem(atPath: self[name].lossy) }
}
