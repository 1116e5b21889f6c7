import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noisyList, packedGuid, pairwise } from '../../../src/sandbox/entra/noise.ts';

test('a GUID is packed in the byte order of .NET', () => {
  // Expected values: Python's uuid.UUID(…).bytes_le, base64url without padding.
  assert.equal(packedGuid('fb60f99c-7a34-4190-8149-302f77469936'), 'nPlg-zR6kEGBSTAvd0aZNg');
  assert.equal(packedGuid('9d4f6a1b-27c8-4e35-8a60-f1b2c3d4e5a7'), 'G2pPncgnNU6KYPGyw9Tlpw');
});

test('a list claim keeps its odd numbers, has one even one, and no fixed order', () => {
  const orders = new Set<string>();
  for (let i = 0; i < 200; i++) {
    const numbers = noisyList([3, 9, 11]).split(' ').map(Number);
    const odd = numbers.filter(number => number % 2 === 1);
    assert.deepEqual(
      odd.toSorted((a, b) => a - b),
      [3, 9, 11],
    );
    assert.equal(numbers.length - odd.length, 1);
    orders.add(odd.join(' '));
  }
  assert.equal(orders.size, 6, 'every order of three numbers comes up in 200 draws');
});

test('the same user has another subject at each application', () => {
  assert.equal(pairwise('user', 'app'), pairwise('user', 'app'));
  assert.notEqual(pairwise('user', 'app'), pairwise('user', 'other app'));
  assert.notEqual(pairwise('user', 'app'), pairwise('other user', 'app'));
});
